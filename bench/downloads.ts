import { execFile, spawn } from 'node:child_process';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { xorshift128plus } from 'pure-rand/generator/xorshift128plus';
import { median } from 'simple-statistics';
import type { Downloaded } from './download-process.js';
import { withFolder } from './temporary-folder.js';

const FILE_BYTES = 2e9;
const ROUNDS = 3;
const MEMBERS = 20_000;
const WANTED = 500;
/** Neighbouring members: WANTED out of this many. */
const NEAR = 1250;

const run = promisify(execFile);

/**
 * Compares the download of one large file with curl, alternating. Our download also hashes the file and flushes it to
 * disk, so curl is measured with and without a flush, and also the minimum time to receive, hash and write in one
 * thread.
 */
export async function largeFile(): Promise<string> {
  return withFolder(async (folder) => {
    const server = await startServer(FILE_BYTES, 1);
    const path = join(folder, 'file');
    const url = `${server.url}/file`;
    const rounds: { ours: Downloaded['file']; bareMs: number; curlMs: number; curlFlushedMs: number }[] = [];
    try {
      for (let i = 0; i < ROUNDS; i++) {
        const ours = await download('file', [url, path]);
        if (ours.bytes !== FILE_BYTES) throw new Error(`${ours.bytes} bytes instead of ${FILE_BYTES}`);
        await rm(path);
        const { ms: bareMs } = await download('bare', [url, path, String(FILE_BYTES)]);
        await rm(path);
        const { stdout } = await run('curl', ['-sS', '-f', '-o', path, '-w', '%{time_total}', url]);
        const curlMs = Number(stdout) * 1000;
        rounds.push({ ours, bareMs, curlMs, curlFlushedMs: curlMs + (await flushMs(path)) });
        await rm(path);
      }
    } finally {
      server.stop();
    }
    const ratio = (theirs: 'bareMs' | 'curlMs' | 'curlFlushedMs'): string =>
      median(rounds.map((round) => round[theirs] / round.ours.ms)).toFixed(2);
    const bareOfCurl = median(rounds.map(({ bareMs, curlMs }) => curlMs / bareMs)).toFixed(2);
    const speed = (FILE_BYTES / 1e3 / median(rounds.map(({ ours }) => ours.ms))).toFixed(0);
    const peak = Math.max(...rounds.map(({ ours }) => ours.peakBytes));
    return (
      `${speed} MB/s, ${ratio('curlMs')} of curl's throughput (target: at least 0.8), ${ratio('curlFlushedMs')} of it with a ` +
      `flush to the disk; ${ratio('bareMs')} of a bare socket with sha256 and a write, which reaches ${bareOfCurl} of curl's; peak memory ${(peak / 1e6).toFixed(0)} MB (target: under 200 MB)`
    );
  });
}

async function flushMs(path: string): Promise<number> {
  const start = performance.now();
  const file = await open(path);
  await file.sync().finally(() => file.close());
  return performance.now() - start;
}

/** Members of a remote archive: bytes fetched relative to their size, and number of requests. */
export async function zipMembers(): Promise<string> {
  const server = await startServer(1, MEMBERS);
  try {
    const spread = await fetchMembers(
      server.url,
      Array.from({ length: WANTED }, (_, i) => (i * MEMBERS) / WANTED),
    );
    const near = await fetchMembers(server.url, someOf(NEAR));
    return (
      `${WANTED} spread over ${MEMBERS}: ${spread.text}; ${WANTED} out of ${NEAR} neighbours: ${near.text} ` +
      '(target: at most 3 times the bytes, 40 requests for neighbours)'
    );
  } finally {
    server.stop();
  }
}

async function fetchMembers(url: string, wanted: readonly number[]): Promise<{ text: string }> {
  return withFolder(async (folder) => {
    const names = wanted.map((i) => `images/${String(i).padStart(6, '0')}.jpg`);
    const { requests, transferredBytes, peakBytes } = await download('members', [
      `${url}/archive.zip`,
      folder,
      ...names,
    ]);
    const files = await readdir(join(folder, 'images'));
    if (files.length !== wanted.length) throw new Error(`${files.length} files instead of ${wanted.length}`);
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, 'images', file))).size));
    const ratio = transferredBytes / sizes.reduce((sum, size) => sum + size, 0);
    const peak = `${(peakBytes / 1e6).toFixed(0)} MB of memory`;
    return { text: `${ratio.toFixed(2)} times the bytes, ${requests} requests, ${peak}` };
  });
}

/** WANTED of the first `count` members, the same ones each time. */
function someOf(count: number): number[] {
  const random = xorshift128plus(1);
  const order = Array.from({ length: count }, (_, i) => ({ i, at: random.next() }));
  return order
    .sort((a, b) => a.at - b.at)
    .slice(0, WANTED)
    .map(({ i }) => i);
}

async function startServer(fileBytes: number, members: number): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, [pathOf('download-server.js'), String(fileBytes), String(members)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { value: port } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  return { url: `http://127.0.0.1:${port}`, stop: () => void child.kill() };
}

async function download<What extends keyof Downloaded>(what: What, args: string[]): Promise<Downloaded[What]> {
  const { stdout } = await run(process.execPath, [pathOf('download-process.js'), what, ...args]);
  return JSON.parse(stdout) as Downloaded[What];
}

function pathOf(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}
