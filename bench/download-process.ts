import { join } from 'node:path';
import { downloadFile } from '../src/fetch/download-file.js';
import { openRequests } from '../src/fetch/http.js';
import { openRemoteZip } from '../src/fetch/remote-zip.js';
import { peakMemoryBytes } from '../src/peak-memory.js';

/*
 * `node download-process.js file <url> <path>` or `members <url> <folder> <name ...>`: downloads in a process of its own, so
 * that the peak of memory is of this work alone, and prints what came out as JSON.
 */

/** What is measured, by what is downloaded. */
export interface Downloaded {
  file: { ms: number; bytes: number; peakBytes: number };
  members: { requests: number; transferredBytes: number; peakBytes: number };
}

const [what, url, to, ...names] = process.argv.slice(2) as [keyof Downloaded, string, string, ...string[]];
const requests = openRequests();
console.log(JSON.stringify(what === 'file' ? await file() : await members()));
await requests.close();

async function file(): Promise<Downloaded['file']> {
  const start = performance.now();
  const { bytes } = await downloadFile(requests, { urls: [url], format: 'other' }, to);
  return { ms: performance.now() - start, bytes, peakBytes: peakMemoryBytes() };
}

async function members(): Promise<Downloaded['members']> {
  const zip = await openRemoteZip(requests, url);
  await zip.extract(names.map((member) => ({ member, to: join(to, member) })));
  return { ...zip.traffic, peakBytes: peakMemoryBytes() };
}
