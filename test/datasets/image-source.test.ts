import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateRawSync } from 'node:zlib';
import { openImageFolder, openImageZip } from '../../src/datasets/image-source.js';
import { crc32 } from '../../src/shared/crc32.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-images-'));
after(() => rm(folder, { recursive: true }));

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test('reads the files of a folder', async () => {
  const images = openImageFolder(folder);
  await mkdir(join(folder, 'sub'));
  await writeFile(join(folder, 'sub', 'a.jpg'), 'picture');
  assert.equal(text(await images.read('sub/a.jpg')), 'picture');
  await images.close();
});

test('the error for a missing file has its path', async () => {
  const images = openImageFolder(folder);
  const path = join(folder, 'none.jpg');
  await assert.rejects(images.read('none.jpg'), {
    name: 'ImageError',
    code: 'missing',
    message: `${path} does not exist`,
  });
  await assert.rejects(images.read('sub/a.jpg/b.jpg'), { code: 'missing' });
});

test('names outside the folder, and folders, are refused', async () => {
  await writeFile(join(folder, 'secret.jpg'), 'secret');
  const images = openImageFolder(join(folder, 'sub'));
  for (const name of ['../secret.jpg', 'x/../../secret.jpg']) {
    await assert.rejects(images.read(name), { name: 'ImageError', code: 'unreadable', message: /is outside/ }, name);
  }
  await assert.rejects(images.read(join(folder, 'secret.jpg')), {
    code: 'unreadable',
    message: /absolute path outside/,
  });
  await assert.rejects(images.read(''), { code: 'unreadable', message: /name of the image is empty/ });
  assert.equal(text(await images.read(join(folder, 'sub', 'a.jpg'))), 'picture', 'absolute, but inside');
  await assert.rejects(openImageFolder(folder).read('sub'), { code: 'unreadable', message: /sub is not a file$/ });
});

interface Member {
  name: string;
  data: Buffer;
  /** What the file is said to hold, if not what it does. */
  declaredBytes?: number;
  /** What is in the archive instead, under the checksum of `data`. */
  damaged?: Buffer;
  deflate?: boolean;
  encrypted?: boolean;
}

/** A zip archive; `zip64` writes every size and offset in the 64-bit extra field. */
function zipFile(members: readonly Member[], zip64 = false): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const {
    name,
    data,
    declaredBytes = data.length,
    damaged = data,
    deflate = false,
    encrypted = false,
  } of members) {
    const stored = deflate ? deflateRawSync(damaged) : damaged;
    const common = Buffer.alloc(26); // version to name length
    common.writeUInt16LE(zip64 ? 45 : 20, 0);
    common.writeUInt16LE(encrypted ? 1 : 0, 2);
    common.writeUInt16LE(deflate ? 8 : 0, 4);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(zip64 ? 0xffffffff : stored.length, 14);
    common.writeUInt32LE(zip64 ? 0xffffffff : declaredBytes, 18);
    common.writeUInt16LE(name.length, 22);
    const extra = Buffer.alloc(zip64 ? 28 : 0);
    if (zip64) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(24, 2);
      extra.writeBigUInt64LE(BigInt(declaredBytes), 4);
      extra.writeBigUInt64LE(BigInt(stored.length), 12);
      extra.writeBigUInt64LE(BigInt(offset), 20);
      common.writeUInt16LE(extra.length, 24);
    }
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), extra, stored]);
    const attributes = Buffer.alloc(14); // comment length to offset
    attributes.writeUInt32LE(zip64 ? 0xffffffff : offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\0'), common, attributes, Buffer.from(name), extra);
    parts.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(22);
  const directoryBytes = directory.reduce((sum, { length }) => sum + length, 0);
  end.write('PK\x05\x06');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directoryBytes, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

async function openZip(members: readonly Member[], prefix?: string, zip64 = false) {
  const path = join(folder, 'test.zip');
  await writeFile(path, zipFile(members, zip64));
  return { path, images: await openImageZip(path, prefix) };
}

const PICTURE = Buffer.from('picture '.repeat(20_000));

for (const zip64 of [false, true]) {
  test(`a ${zip64 ? 'zip64' : 'zip'} archive gives stored and deflated members, in any order and at once`, async () => {
    const members = [
      { name: 'train_images/a.jpg', data: PICTURE },
      { name: 'train_images/b.jpg', data: Buffer.from('b'), deflate: true },
      { name: 'train_images/c.jpg', data: PICTURE, deflate: true },
    ];
    const { images } = await openZip(members, 'train_images/', zip64);
    const read = await Promise.all(['c.jpg', 'a.jpg', 'b.jpg', 'c.jpg'].map((name) => images.read(name)));
    assert.deepEqual(read.map(text), [text(PICTURE), text(PICTURE), 'b', text(PICTURE)]);
    await images.close();
  });
}

test('the error for a missing member has archive and path; other folders are not searched', async () => {
  const { path, images } = await openZip([{ name: 'other/a.jpg', data: PICTURE }], 'train_images/');
  for (const name of ['a.jpg', '../other/a.jpg']) {
    const message = `${path}: train_images/${name} does not exist`;
    await assert.rejects(images.read(name), { name: 'ImageError', code: 'missing', message });
  }
  await images.close();
});

test('a damaged member is unreadable, stored or deflated; its stamp tells it from another one', async () => {
  const damaged = Buffer.concat([PICTURE.subarray(1), Buffer.from('x')]);
  for (const deflate of [false, true]) {
    const { images } = await openZip([{ name: 'a.jpg', data: PICTURE, damaged, deflate }]);
    await assert.rejects(images.read('a.jpg'), { code: 'unreadable', message: /a\.jpg cannot be read: bad CRC-32/ });
    await images.close();
    const { images: whole } = await openZip([{ name: 'a.jpg', data: damaged, deflate }]);
    const stamp = await whole.stamp('a.jpg');
    assert.deepEqual(stamp, { bytes: PICTURE.length, mark: `crc32 ${crc32(damaged).toString(16)}` });
    assert.equal(await whole.stamp('b.jpg'), null);
    await whole.close();
  }
});

test('the stamp of a file changes with its content, even when its size and mtime are kept', async () => {
  const path = join(folder, 'stamped.jpg');
  await writeFile(path, 'one');
  await utimes(path, 1000, 1000);
  const images = openImageFolder(folder);
  const before = await images.stamp('stamped.jpg');
  assert.deepEqual(await images.stamp('stamped.jpg'), before);
  await sleep(20);
  await writeFile(path, 'two');
  await utimes(path, 1000, 1000);
  const after = await images.stamp('stamped.jpg');
  assert.equal(after?.bytes, before?.bytes);
  assert.notEqual(after?.mark, before?.mark);
  assert.equal(await images.stamp('none.jpg'), null);
});

test('inflating stops at the declared size', async () => {
  const { images } = await openZip([{ name: 'bomb.jpg', data: PICTURE, declaredBytes: 10, deflate: true }]);
  await assert.rejects(images.read('bomb.jpg'), { code: 'unreadable', message: /too many bytes.*expected 10/ });
  await images.close();
});

test('a member that declares a huge size is not read', async () => {
  const { images } = await openZip([{ name: 'huge.jpg', data: PICTURE, declaredBytes: 2 ** 29 + 1, deflate: true }]);
  await assert.rejects(images.read('huge.jpg'), { code: 'too-large', message: /huge\.jpg has 536870913 bytes/ });
  await images.close();
});

test('truncated and encrypted members are unreadable, others are not affected', async () => {
  const { images } = await openZip([
    { name: 'short.jpg', data: Buffer.from('short'), declaredBytes: 100, deflate: true },
    { name: 'secret.jpg', data: PICTURE, deflate: true, encrypted: true },
    { name: 'good.jpg', data: Buffer.from('good') },
  ]);
  await assert.rejects(images.read('short.jpg'), {
    name: 'ImageError',
    code: 'unreadable',
    message: /short\.jpg cannot be/,
  });
  await assert.rejects(images.read('secret.jpg'), { name: 'ImageError', code: 'unreadable', message: /encrypted/ });
  assert.equal(text(await images.read('good.jpg')), 'good');
  await images.close();
});

test('a file that is not a zip archive, or is missing, is a user error', async () => {
  const path = join(folder, 'no.zip');
  await writeFile(path, 'no archive');
  await assert.rejects(openImageZip(path), { name: 'UserError', message: /no\.zip cannot be read as a zip archive/ });
  await assert.rejects(openImageZip(join(folder, 'none.zip')), {
    name: 'UserError',
    message: /none\.zip cannot be read/,
  });
});

test('an archive with member names outside its folder is refused', async () => {
  await assert.rejects(openZip([{ name: '../a.jpg', data: PICTURE }]), { name: 'UserError', message: /\.\.\/a\.jpg/ });
});
