import { createHash } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { downloadFile } from '../src/fetch/download-file.js';
import { openRequests } from '../src/fetch/http.js';
import { openRemoteZip } from '../src/fetch/remote-zip.js';
import { peakMemoryBytes } from '../src/shared/peak-memory.js';

/*
 * `node download-process.js file <url> <path>`, `bare <url> <path> <bytes>` or `members <url> <folder> <name ...>`:
 * downloads in a separate process, so that peak memory is that of the download alone, and prints the result as JSON.
 */

/** Measurements, by kind of download. */
export interface Downloaded {
  file: { ms: number; bytes: number; peakBytes: number };
  /** Lower bound for a hashing download in one thread: read from a socket into one buffer, sha256 and write. */
  bare: { ms: number };
  members: { requests: number; transferredBytes: number; peakBytes: number };
}

const [what, url, to, ...names] = process.argv.slice(2) as [keyof Downloaded, string, string, ...string[]];
const requests = openRequests();
const measures = { file, bare, members };
console.log(JSON.stringify(await measures[what]()));
await requests.close();

async function file(): Promise<Downloaded['file']> {
  const start = performance.now();
  const { bytes } = await downloadFile(requests, { urls: [url], format: 'other' }, to);
  return { ms: performance.now() - start, bytes, peakBytes: peakMemoryBytes() };
}

/** HTTP is not parsed: the response header counts as part of the file. */
async function bare(): Promise<Downloaded['bare']> {
  const { hostname: host, port, pathname } = new URL(url);
  const expected = Number(names[0]);
  const file = openSync(to, 'w');
  const hash = createHash('sha256');
  const start = performance.now();
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    const onread = {
      buffer: Buffer.alloc(64 << 10),
      callback(length: number, buffer: Uint8Array): boolean {
        const chunk = buffer.subarray(0, length);
        writeSync(file, chunk);
        hash.update(chunk);
        bytes += length;
        if (bytes >= expected) resolve();
        return true;
      },
    };
    const socket = connect({ host, port: Number(port), onread });
    socket.on('error', reject).write(`GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  });
  hash.digest();
  return { ms: performance.now() - start };
}

async function members(): Promise<Downloaded['members']> {
  const zip = await openRemoteZip(requests, url);
  await zip.extract(names.map((member) => ({ member, to: join(to, member) })));
  return { ...zip.traffic, peakBytes: peakMemoryBytes() };
}
