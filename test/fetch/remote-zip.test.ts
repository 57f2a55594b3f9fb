import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { extractZip } from '../../src/fetch/extract-zip.js';
import { openRequests, RangeUnsupported, type Requests } from '../../src/fetch/http.js';
import { openRemoteZip } from '../../src/fetch/remote-zip.js';
import { type FileServer, type Route, startFileServer } from './file-server.js';
import { type Members, makeZip } from './zips.js';

let requests: Requests;
before(() => {
  requests = openRequests({ retry: { retries: 3, minTimeoutMs: 1 }, idleTimeoutMs: 1000 });
});
after(() => requests.close());

const IMAGES: Members = Array.from({ length: 2000 }, (_, i) => ({
  name: `images/${String(i).padStart(5, '0')}.jpg`,
  content: randomBytes(2000 + ((i * 37) % 1000)),
  stored: i % 2 === 0,
}));

async function withZip(
  zip: Uint8Array,
  use: (url: string, folder: string, server: FileServer) => Promise<void>,
  route: Partial<Route> = {},
): Promise<void> {
  const server = await startFileServer({ '/images.zip': { body: zip, etag: '"1"', ...route } });
  const folder = await mkdtemp(join(tmpdir(), 'remote-zip-'));
  await use(`${server.url}/images.zip`, folder, server).finally(server.close);
}

const targets = (folder: string, members: Members) =>
  members.map(({ name }) => ({ member: name, to: join(folder, name) }));

async function assertExtracted(folder: string, members: Members): Promise<void> {
  for (const { name, content } of members) assert.deepEqual(await readFile(join(folder, name)), Buffer.from(content));
}

test('scattered members take at most three times their bytes', async () => {
  const wanted = IMAGES.filter((_, i) => i % 40 === 7);
  await withZip(await makeZip(IMAGES), async (url, folder, server) => {
    const zip = await openRemoteZip(requests, url);
    const directory = zip.traffic.transferredBytes;
    assert.equal(zip.names.length, IMAGES.length);
    await zip.extract(targets(folder, wanted));
    await assertExtracted(folder, wanted);
    const bytes = wanted.reduce((sum, { content }) => sum + content.length, 0);
    assert.ok(zip.traffic.transferredBytes - directory <= 3 * bytes);
    assert.equal(zip.traffic.requests, server.requests.length);
  });
});

test('neighbouring members take few requests', async () => {
  const wanted = IMAGES.slice(500, 1000).filter((_, i) => i % 3 !== 1);
  await withZip(await makeZip(IMAGES), async (url, folder) => {
    const zip = await openRemoteZip(requests, url);
    const before = zip.traffic.requests;
    await zip.extract(targets(folder, wanted));
    await assertExtracted(folder, wanted);
    assert.equal(zip.traffic.requests - before, 1);
  });
});

test('extracted files are not fetched again, damaged ones are', async () => {
  const wanted = IMAGES.slice(0, 5);
  await withZip(await makeZip(IMAGES), async (url, folder, server) => {
    await (await openRemoteZip(requests, url)).extract(targets(folder, wanted));
    await writeFile(join(folder, wanted[3]!.name), Buffer.alloc(wanted[3]!.content.length));
    const zip = await openRemoteZip(requests, url);
    const before = server.requests.length;
    await zip.extract(targets(folder, wanted));
    assert.equal(server.requests.length - before, 1);
    await assertExtracted(folder, wanted);
  });
});

test('a connection lost in the middle of a member costs only this member', async () => {
  const wanted = IMAGES.slice(0, 20);
  let spans = 0;
  const behave: Route['behave'] = (_request, { range }) => {
    const [, start, end] = /bytes=(\d+)-(\d+)/.exec(String(range)) ?? [];
    if (start === end || Number(start) > 100_000 || ++spans > 1) return undefined;
    return { resetAfter: 25_000 };
  };
  await withZip(
    await makeZip(IMAGES),
    async (url, folder, server) => {
      const zip = await openRemoteZip(requests, url);
      await zip.extract(targets(folder, wanted));
      await assertExtracted(folder, wanted);
      const starts = server.requests.map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
      assert.ok(starts.at(-1)! > 15_000, 'the second request begins at the member that broke');
      assert.deepEqual((await readdir(join(folder, 'images'))).length, wanted.length);
    },
    { behave },
  );
});

test('a server without range support is detected', async () => {
  await withZip(
    await makeZip(IMAGES.slice(0, 3)),
    async (url) => {
      await assert.rejects(openRemoteZip(requests, url), (error) => error instanceof RangeUnsupported);
    },
    { ranges: false },
  );
});

test('an archive that changes during the download is refused', async () => {
  let changed = false;
  await withZip(
    await makeZip(IMAGES),
    async (url, folder) => {
      const zip = await openRemoteZip(requests, url);
      changed = true;
      await assert.rejects(zip.extract(targets(folder, IMAGES.slice(0, 2))), {
        message: `${url} changed during the download. Start it again.`,
      });
    },
    { behave: () => (changed ? { etag: '"2"' } : undefined) },
  );
});

const HELLO = Buffer.from('hello '.repeat(100));

/** Checks that remote and local extraction both refuse a member. */
async function refused(zip: Buffer, name: string, message: RegExp): Promise<void> {
  await withZip(zip, async (url, folder) => {
    const wanted = [{ member: name, to: join(folder, 'out') }];
    await assert.rejects(
      openRemoteZip(requests, url).then((remote) => remote.extract(wanted)),
      { name: 'UserError', message },
    );
    const path = join(folder, 'archive.zip');
    await writeFile(path, zip);
    await assert.rejects(extractZip(path, wanted), { name: 'UserError', message });
    assert.deepEqual(await readdir(folder), ['archive.zip'], 'no files are left, not even partial ones');
  });
}

/** Overwrites a field of the archive's only entry in its directory. */
function patchDirectory(zip: Buffer, offset: number, value: number, bytes: 2 | 4): Buffer {
  const patched = Buffer.from(zip);
  const at = patched.indexOf(Buffer.from('504b0102', 'hex')) + offset;
  if (bytes === 4) patched.writeUInt32LE(value, at);
  else patched.writeUInt16LE(value, at);
  return patched;
}

test('unsafe and damaged members are errors that name archive and member', async () => {
  const plain = await makeZip([{ name: 'a.txt', content: HELLO }]);
  const stored = await makeZip([{ name: 'a.txt', content: HELLO, stored: true }]);
  await refused(plain, 'b.txt', /is missing 1 of 1 required members: b\.txt/);
  await refused(
    await makeZip([{ name: 'a.txt', content: HELLO, symlink: true }]),
    'a.txt',
    /"a\.txt" is a symbolic link/,
  );
  await refused(patchDirectory(plain, 16, 1, 4), 'a.txt', /"a\.txt" is damaged: its checksum differs/);
  await refused(patchDirectory(plain, 24, 10, 4), 'a.txt', /"a\.txt" is longer than the declared 10 bytes/);
  await refused(patchDirectory(plain, 24, 10_000, 4), 'a.txt', /"a\.txt" ends after 600 of 10000 bytes/);
  await refused(
    patchDirectory(plain, 24, 0xfffffffe, 4),
    'a.txt',
    /declares 4294967294 bytes, more than the limit of 2147483648/,
  );
  await refused(
    patchDirectory(plain, 24, 1_000_000, 4),
    'a.txt',
    /declares 1000000 bytes, which is impossible for \d+/,
  );
  await refused(patchDirectory(plain, 8, 1, 2), 'a.txt', /is encrypted/);
  await refused(patchDirectory(plain, 10, 12, 2), 'a.txt', /uses compression method 12/);
  await refused(patchDirectory(stored, 24, 10, 4), 'a.txt', /size mismatch|declares 600 and 10 bytes/i);
  const twice = await makeZip([
    { name: 'a.txt', content: HELLO },
    { name: 'b.txt', content: HELLO },
  ]);
  twice.write('a.txt', twice.lastIndexOf('b.txt'));
  await refused(twice, 'a.txt', /"a\.txt" occurs twice/);
  await refused(Buffer.from(plain.subarray(0, plain.length - 30)), 'a.txt', /cannot be read as a zip archive/);
  await refused(Buffer.from('<html></html>'.repeat(10)), 'a.txt', /cannot be read as a zip archive/);
});

test('after a damaged member nothing more is fetched', async () => {
  const wanted = IMAGES.filter((_, i) => i % 40 === 7);
  const zip = await makeZip(IMAGES);
  zip.fill(1, zip.indexOf(IMAGES[7]!.name) + 100, zip.indexOf(IMAGES[8]!.name) - 100);
  await withZip(zip, async (url, folder) => {
    const remote = await openRemoteZip(requests, url);
    await assert.rejects(remote.extract(targets(folder, wanted)), {
      name: 'UserError',
      message: /"images\/00007\.jpg"/,
    });
    const asked = remote.traffic.requests;
    const files = await readdir(folder, { recursive: true });
    await sleep(50);
    assert.deepEqual([remote.traffic.requests, await readdir(folder, { recursive: true })], [asked, files]);
    assert.equal(files.filter((name) => name.endsWith('.part')).length, 0);
  });
});

test('members that do not fit on the disk are refused before they are fetched', async () => {
  // One member of 40 MB of zeros, which stands in the directory 50,000 times.
  const zip = await makeZip([{ name: '000000.txt', content: Buffer.alloc(40_000_000) }]);
  const wanted = 50_000;
  await withZip(repeatedMember(zip, wanted), async (url, folder, server) => {
    const remote = await openRemoteZip(requests, url);
    const before = server.requests.length;
    const all = remote.names.map((name) => ({ member: name, to: join(folder, name) }));
    await assert.rejects(remote.extract(all), {
      name: 'UserError',
      message: new RegExp(`^Unpacking ${wanted} files needs 2000\\.0 GB in ${folder}, but only .* GB are free\\.$`),
    });
    assert.equal(server.requests.length, before);
    assert.deepEqual(await readdir(folder), []);
  });
});

/** An archive whose directory has its only member many times, under numbered names. */
function repeatedMember(zip: Buffer, count: number): Buffer {
  const directory = zip.lastIndexOf(Buffer.from('504b0102', 'hex'));
  const end = zip.lastIndexOf(Buffer.from('504b0506', 'hex'));
  const header = zip.subarray(directory, directory + 46);
  const entries = Array.from({ length: count }, (_, i) => {
    const name = Buffer.from(`${String(i).padStart(6, '0')}.txt`);
    const entry = Buffer.concat([header, name]);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt16LE(0, 30);
    return entry;
  });
  const size = entries.reduce((sum, { length }) => sum + length, 0);
  const trailer = Buffer.from(zip.subarray(end));
  trailer.writeUInt16LE(Math.min(count, 0xffff), 8);
  trailer.writeUInt16LE(Math.min(count, 0xffff), 10);
  trailer.writeUInt32LE(size, 12);
  return Buffer.concat([zip.subarray(0, directory), ...entries, trailer]);
}

test('an archive with names outside the folder is refused', async () => {
  const zip = await makeZip([{ name: 'aa/aa/etc.txt', content: HELLO }]);
  for (let at = zip.indexOf('aa/aa/'); at >= 0; at = zip.indexOf('aa/aa/')) zip.write('../../', at);
  await refused(zip, 'etc.txt', /invalid relative path/);
});

test('a local archive gives the same files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'extract-zip-'));
  await writeFile(join(folder, 'a.zip'), await makeZip(IMAGES.slice(0, 30)));
  const seen: number[] = [];
  const wanted = IMAGES.slice(5, 15);
  const onProgress = (done: number, total: number): void => void seen.push(done / total);
  await extractZip(join(folder, 'a.zip'), targets(folder, wanted), { onProgress });
  await assertExtracted(folder, wanted);
  assert.equal(seen.length, 10);
  assert.equal(seen.at(-1), 1);
  assert.equal(existsSync(join(folder, IMAGES[0]!.name)), false);
});
