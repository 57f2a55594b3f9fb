import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { downloadFile, type FileSource, removeFinishedParts } from '../../src/fetch/download-file.js';
import { openRequests, type Requests } from '../../src/fetch/http.js';
import { type Behaviour, type FileServer, type Route, startFileServer } from './file-server.js';

const CONTENT = randomBytes(300_000);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const HTML = '<!DOCTYPE html><html><body>Please log in</body></html>';

let requests: Requests;
before(() => {
  requests = openRequests({ retry: { retries: 3, minTimeoutMs: 1 }, idleTimeoutMs: 500 });
});
after(() => requests.close());

/** Serves one file, with a behaviour for each request by its number. */
async function withFile(
  route: Partial<Route>,
  use: (server: FileServer, source: FileSource, destination: string) => Promise<void>,
): Promise<void> {
  const server = await startFileServer({ '/file': { body: CONTENT, etag: '"1"', ...route } });
  const folder = await mkdtemp(join(tmpdir(), 'download-'));
  try {
    await use(server, { urls: [`${server.url}/file`], format: 'other' }, join(folder, 'sub', 'file'));
  } finally {
    await server.close();
  }
}

const script =
  (...behaviours: Behaviour[]) =>
  (request: number) =>
    behaviours[request];
const fast = { retryPauseMs: 1 };
const served = (server: FileServer) => server.requests.map(({ range, status }) => `${range ?? 'whole'} ${status}`);

test('a file is downloaded and verified', () =>
  withFile({}, async (server, source, destination) => {
    const md5 = createHash('md5').update(CONTENT).digest('hex');
    const gitBlobSha1 = createHash('sha1').update(`blob ${CONTENT.length}\0`).update(CONTENT).digest('hex');
    const known = { ...source, bytes: CONTENT.length, sha256: SHA256, md5, gitBlobSha1 };
    const progress: (number | null)[][] = [];
    const file = await downloadFile(requests, known, destination, { onProgress: (...at) => progress.push(at) });
    assert.deepEqual(file, {
      path: destination,
      url: `${server.url}/file`,
      bytes: CONTENT.length,
      sha256: SHA256,
      etag: '"1"',
      transferredBytes: CONTENT.length,
    });
    assert.deepEqual(await readFile(destination), CONTENT);
    assert.deepEqual(await readdir(dirname(destination)), ['file']);
    assert.deepEqual(progress.at(-1), [CONTENT.length, CONTENT.length]);
  }));

test('a lost connection is resumed at the same byte', () =>
  withFile({ behave: script({ resetAfter: 100_000 }, { resetAfter: 50_000 }) }, async (server, source, destination) => {
    const file = await downloadFile(requests, source, destination, fast);
    assert.equal(file.sha256, SHA256);
    assert.equal(file.transferredBytes, CONTENT.length);
    assert.deepEqual(served(server), ['whole 200', 'bytes=100000- 206', 'bytes=150000- 206']);
  }));

test('a stalled transfer is restarted, a slow one is not', () =>
  withFile({ behave: script({ stallAfter: 1000 }, { drip: 20_000 }) }, async (server, source, destination) => {
    assert.equal((await downloadFile(requests, source, destination, fast)).sha256, SHA256);
    assert.deepEqual(served(server), ['whole 200', 'bytes=1000- 206']);
  }));

test('a file that changed upstream is downloaded from the start', () =>
  withFile({ behave: script({ resetAfter: 1000, etag: '"0"' }) }, async (server, source, destination) => {
    assert.equal((await downloadFile(requests, source, destination, fast)).sha256, SHA256);
    assert.deepEqual(await readFile(destination), CONTENT, 'what is on the disk');
    assert.deepEqual(served(server), ['whole 200', 'bytes=1000- 200']);
  }));

test('without ETag and hash, a download is not resumed', () =>
  withFile({ etag: '', behave: script({ resetAfter: 1000 }) }, async (server, source, destination) => {
    assert.equal((await downloadFile(requests, source, destination, fast)).sha256, SHA256);
    assert.deepEqual(await readFile(destination), CONTENT, 'what is on the disk');
    assert.deepEqual(served(server), ['whole 200', 'whole 200']);
  }));

test('a server without range support sends the file again', () =>
  withFile({ ranges: false, behave: script({ resetAfter: 1000 }) }, async (server, source, destination) => {
    assert.equal((await downloadFile(requests, source, destination, fast)).sha256, SHA256);
    assert.deepEqual(await readFile(destination), CONTENT, 'what is on the disk');
    assert.deepEqual(served(server), ['whole 200', 'bytes=1000- 200']);
  }));

for (const [what, behaviour, message] of [
  [
    'a part nobody asked for',
    { status: 206, headers: { 'content-range': 'bytes 0-3/4' }, text: 'part' },
    /answered 206/,
  ],
  ['nothing satisfiable', { status: 416 }, /answered 416/],
  ['an empty body', { status: 200 }, /it is empty/],
] as const) {
  test(`${what} is no file`, () =>
    withFile({ behave: () => behaviour }, async (_server, source, destination) => {
      await assert.rejects(downloadFile(requests, source, destination, fast), message);
      assert.deepEqual(await readdir(dirname(destination)), []);
    }));
}

test('429 with Retry-After and 5xx are tried again', () =>
  withFile(
    { behave: script({ status: 429, headers: { 'retry-after': '0' } }, { status: 503 }) },
    async (server, source, destination) => {
      assert.equal((await downloadFile(requests, source, destination, fast)).sha256, SHA256);
      assert.deepEqual(served(server), ['whole 429', 'whole 503', 'whole 200']);
    },
  ));

test('the pause requested by a server is observed, in seconds and as a date', () =>
  withFile(
    {
      behave: script(
        { status: 429, headers: { 'retry-after': '1' } },
        { status: 503, headers: { 'retry-after': new Date(Date.now() + 3000).toUTCString() } },
      ),
    },
    async (server, source, destination) => {
      const start = Date.now();
      await downloadFile(requests, source, destination, fast);
      assert.ok(Date.now() - start >= 1900, 'dates have whole seconds'); // 1 s, then at least to the second of the date
      assert.deepEqual(served(server), ['whole 429', 'whole 503', 'whole 200']);
    },
  ));

test('a server that requests a pause of hours is an error', () =>
  withFile(
    { behave: () => ({ status: 429, headers: { 'retry-after': '7200' } }) },
    async (server, source, destination) => {
      await assert.rejects(downloadFile(requests, source, destination, fast), {
        message: `${server.url}/file answered 429 and asks to wait 7200 s. Try again later; the download will resume.`,
      });
      assert.equal(server.requests.length, 1);
    },
  ));

test('a file that keeps ending early is an error after some retries, and its beginning is kept', () =>
  withFile({ ranges: false, behave: () => ({ resetAfter: 1000 }) }, async (server, source, destination) => {
    await assert.rejects(downloadFile(requests, source, destination, fast), {
      name: 'UserError',
      message: new RegExp(`^${server.url}/file: connection lost: .*\\. Try again later; the download will resume\\.$`),
    });
    assert.equal(server.requests.length, 7);
    assert.equal(existsSync(destination), false);
  }));

test('a file that does not fit on the disk is refused before the body is read', () =>
  withFile({ declaredBytes: 1e15 }, async (_server, source, destination) => {
    await assert.rejects(downloadFile(requests, source, destination, fast), {
      name: 'UserError',
      message: new RegExp(`^file needs 1000000\\.0 GB in ${dirname(destination)}, but only .* GB are free\\.$`),
    });
    await assert.rejects(downloadFile(requests, { ...source, bytes: 1e16 }, destination, fast), {
      message: /^file needs 10000000\.0 GB in /,
    });
    assert.equal(existsSync(destination), false);
  }));

test('a server that keeps failing is an error that says what to do', () =>
  withFile({ behave: () => ({ status: 500 }) }, async (server, source, destination) => {
    await assert.rejects(downloadFile(requests, source, destination, fast), {
      name: 'UserError',
      message: `${server.url}/file answered 500. Try again later; the download will resume.`,
    });
    assert.equal(server.requests.length, 4);
  }));

test('redirects are followed without sending credentials to other hosts', async () => {
  const target = await startFileServer({ '/other': { body: CONTENT } });
  const headersFor = () => ({ authorization: 'Bearer secret' });
  await withFile(
    { behave: () => ({ status: 302, headers: { location: `${target.url}/other` } }) },
    async (server, source, destination) => {
      const file = await downloadFile(requests, { ...source, headersFor }, destination, fast);
      assert.equal(file.sha256, SHA256);
      assert.equal(server.requests[0]?.authorization, 'Bearer secret');
      assert.equal(target.requests[0]?.authorization, null);
    },
  );
  await target.close();
});

test('a redirect to a local file is refused', () =>
  withFile({ behave: () => ({ status: 302, headers: { location: 'file:///etc/passwd' } }) }, async (_, source, to) => {
    await assert.rejects(downloadFile(requests, source, to), {
      message: 'file:///etc/passwd is not an HTTP or HTTPS URL',
    });
  }));

test('an HTML page instead of an archive is refused and deleted', () =>
  withFile({ body: Buffer.from(HTML), contentType: 'text/html' }, async (server, source, destination) => {
    await assert.rejects(downloadFile(requests, { ...source, format: 'zip' }, destination), {
      message: `${server.url}/file answered with an HTML page instead of a zip archive. Open it in a browser to see why.`,
    });
    assert.equal(existsSync(destination), false);
    await assert.rejects(downloadFile(requests, source, destination), { message: /an HTML page instead of the file/ });
  }));

for (const [status, message] of [
  [401, /answered 401: access denied\. Open it in a browser to see the terms; on the Hugging Face hub, accept them/],
  [403, /answered 403: access denied\. .* and set HF_TOKEN to your access token$/],
  [404, /answered 404: not found/],
] as const) {
  test(`${status} is not retried`, () =>
    withFile({ behave: () => ({ status }) }, async (server, source, destination) => {
      await assert.rejects(downloadFile(requests, source, destination), { name: 'UserError', message });
      assert.equal(server.requests.length, 1);
    }));
}

test('the next mirror is tried, and the error lists all failures', () =>
  withFile({}, async (server, { format, urls }, destination) => {
    const missing = [`${server.url}/a`, `${server.url}/b`];
    const file = await downloadFile(requests, { format, urls: [missing[0]!, ...urls] }, destination);
    assert.equal(file.url, urls[0]);
    await assert.rejects(downloadFile(requests, { format, urls: missing }, destination), {
      message: /No source worked:\n {2}http.*\/a answered 404.*\n {2}http.*\/b answered 404/,
    });
  }));

test('a download is resumed from another mirror if the hash is known', () =>
  withFile(
    { behave: (request) => (request === 0 ? { resetAfter: 1000 } : { status: 404 }) },
    async (first, source, to) => {
      const second = await startFileServer({ '/mirror': { body: CONTENT } });
      const urls = [...source.urls, `${second.url}/mirror`];
      const file = await downloadFile(requests, { ...source, urls, sha256: SHA256 }, to, fast);
      assert.equal(file.sha256, SHA256);
      assert.deepEqual(served(first), ['whole 200', 'bytes=1000- 404']);
      assert.deepEqual(served(second), ['bytes=1000- 206']);
      await second.close();
    },
  ));

test('files with wrong hashes and sizes are refused and deleted', () =>
  withFile({}, async (_server, source, destination) => {
    const wrong = async (known: Partial<FileSource>, message: RegExp): Promise<void> => {
      await assert.rejects(downloadFile(requests, { ...source, ...known }, destination), { message });
      assert.deepEqual(existsSync(destination), false);
    };
    await wrong({ sha256: 'f'.repeat(64) }, /is not the expected file: its sha256 is [0-9a-f]{64}, not f+/);
    await wrong({ md5: 'f'.repeat(32) }, /its md5 is/);
    await wrong({ gitBlobSha1: 'f'.repeat(40) }, /its git hash is/);
    await wrong({ bytes: 5 }, /has 300000 bytes, expected 5/);
  }));

test('the proxy in the environment is used', () =>
  withFile({}, async (server, source, destination) => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', (request, socket: Socket) => {
      asked.push(request.url ?? '');
      const target = connect(Number(new URL(server.url).port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        target.pipe(socket).pipe(target);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    process.env['http_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const proxied = openRequests();
    try {
      const urls = ['http://files.invalid/file'];
      assert.equal((await downloadFile(proxied, { ...source, urls }, destination)).sha256, SHA256);
      assert.deepEqual(asked, ['files.invalid:80']);
    } finally {
      delete process.env['http_proxy'];
      await proxied.close();
      proxy.close();
    }
  }));

test('offline, the error names the URL', async () => {
  const offline = openRequests({ offline: true });
  const source: FileSource = { urls: ['https://example.org/file.zip'], format: 'zip' };
  await assert.rejects(downloadFile(offline, source, join(tmpdir(), 'never')), {
    message: '--offline forbids network access; needed: https://example.org/file.zip',
  });
  await offline.close();
});

test('the next process resumes a killed download', () =>
  withFile(
    { behave: (request) => (request === 0 ? { drip: 2000 } : undefined) },
    async (server, source, destination) => {
      const program = `
      import { downloadFile } from ${JSON.stringify(new URL('../../src/fetch/download-file.js', import.meta.url).href)};
      import { openRequests } from ${JSON.stringify(new URL('../../src/fetch/http.js', import.meta.url).href)};
      await downloadFile(openRequests(), ${JSON.stringify(source)}, ${JSON.stringify(destination)});`;
      const file = join(dirname(dirname(destination)), 'download.mjs');
      await writeFile(file, program);
      const child = spawn(process.execPath, [file], { cwd: dirname(fileURLToPath(import.meta.url)), stdio: 'inherit' });
      const size = async () => (await stat(`${destination}.part`).catch(() => null))?.size ?? 0;
      while ((await size()) < 20_000) await sleep(5);
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
      const left = await size();
      const resumed = await downloadFile(requests, source, destination);
      assert.equal(resumed.sha256, SHA256);
      assert.equal(resumed.transferredBytes, CONTENT.length - left);
      assert.deepEqual(await readFile(destination), CONTENT);
      assert.equal(server.requests[1]?.range, `bytes=${left}-`);
    },
  ));

test('Ctrl-C keeps what was downloaded', () =>
  withFile(
    { behave: (request) => (request === 0 ? { drip: 2000 } : undefined) },
    async (server, source, destination) => {
      const controller = new AbortController();
      const onProgress = (done: number): void => {
        if (done > 20_000) controller.abort();
      };
      await assert.rejects(downloadFile(requests, source, destination, { signal: controller.signal, onProgress }), {
        name: 'AbortError',
      });
      assert.equal((await downloadFile(requests, source, destination)).sha256, SHA256);
      assert.match(server.requests[1]?.range ?? '', /^bytes=\d+-$/);
    },
  ));

test('the state of a download that has its file is deleted; that of an unfinished one is not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'download-'));
  for (const name of ['done', 'done.part.json', 'half.part', 'half.part.json', 'mine.part.json']) {
    await writeFile(join(folder, name), '{}');
  }
  await removeFinishedParts(folder);
  assert.deepEqual((await readdir(folder)).sort(), ['done', 'half.part', 'half.part.json', 'mine.part.json']);
  await removeFinishedParts(join(folder, 'missing'));
});
