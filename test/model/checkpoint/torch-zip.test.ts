import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { openTorchZip } from '../../../src/model/checkpoint/torch-zip.js';
import { UserError } from '../../../src/shared/errors.js';
import { fixture } from '../../fixtures.js';
import { encodeTorch, encodeZip, op, stateDictPickle } from './craft-torch.js';
import { temporaryFolder } from './temporary-folder.js';

const MATRIX = { name: 'm', shape: [2, 2], stride: [2, 1], storage: 'ByteStorage', count: 6 };
const STORAGES = { 0: Uint8Array.of(10, 11, 12, 13, 14, 15) };

async function write(t: TestContext, content: Uint8Array): Promise<string> {
  const path = join(temporaryFolder(t), 'model.bin');
  await writeFile(path, content);
  return path;
}

test('reads views of a shared storage by their offsets', async (t) => {
  const tensors = [
    MATRIX,
    { ...MATRIX, name: 'row', shape: [3], stride: [1], offset: 3 },
    { ...MATRIX, name: 'column', shape: [2, 1], stride: [1, 99] }, // the stride of an axis of 1 does not matter
    { ...MATRIX, name: 'scalar', shape: [], stride: [], offset: 5 },
    { ...MATRIX, name: 'nothing', shape: [0, 4], stride: [1, 1] },
  ];
  const source = await openTorchZip(await write(t, encodeTorch(stateDictPickle(tensors), STORAGES)));
  t.after(() => source.close());
  const bytes = async (name: string) => [...(await source.read(name))];
  assert.deepEqual(await bytes('m'), [10, 11, 12, 13]);
  assert.deepEqual(await bytes('row'), [13, 14, 15]);
  assert.deepEqual(await bytes('column'), [10, 11]);
  assert.deepEqual(await bytes('scalar'), [15]);
  assert.deepEqual(await bytes('nothing'), []);
  assert.deepEqual(source.tensors.get('m')?.shape, [2, 2]);
  assert.equal(source.tensors.get('m')?.dtype, 'other');
  await assert.rejects(source.read('x'), /has no tensor x/);
});

test('a tensor whose bytes were damaged is refused, whole storage or part of one', async (t) => {
  const row = { ...MATRIX, name: 'row', shape: [3], stride: [1], offset: 3 };
  const archive = encodeTorch(stateDictPickle([MATRIX, row]), STORAGES);
  const at = archive.indexOf(Buffer.from([10, 11, 12, 13, 14, 15]));
  assert.ok(at > 0);
  archive[at + 4]! ^= 1;
  const source = await openTorchZip(await write(t, archive));
  t.after(() => source.close());
  for (const name of ['m', 'row']) await assert.rejects(source.read(name), /data\/0 is damaged \(bad CRC-32\)/);
});

const pickle = (changes: object) => stateDictPickle([{ ...MATRIX, ...changes }]);
const zip64Beyond53Bits = (() => {
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(2n ** 63n, 8);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  return Buffer.concat([Buffer.from('PK'), Buffer.alloc(100), locator, end]);
})();

const refused: Record<string, { file: Buffer; says: RegExp }> = {
  'an empty file': { file: Buffer.alloc(0), says: /is not a torch file/ },
  'a web page': { file: Buffer.from('<html>'), says: /is not a torch file/ },
  'the format before PyTorch 1.6': {
    file: Buffer.from('80028a0a6cfc9c46f9206aa85019', 'hex'),
    says: /before PyTorch 1\.6.*Convert it: python -c/,
  },
  'a zip without a directory': {
    file: Buffer.from('PK\x03\x04 and more'),
    says: /damaged or incompletely downloaded zip archive/,
  },
  'a zip64 offset of 2^63': { file: zip64Beyond53Bits, says: /damaged or incompletely downloaded/ },
  'a zip of something else': { file: encodeZip([{ name: 'a/b', data: Buffer.alloc(1) }]), says: /without data\.pkl/ },
  'big-endian bytes': {
    file: encodeZip([
      { name: 'x/data.pkl', data: pickle({}) },
      { name: 'x/byteorder', data: Buffer.from('big') },
    ]),
    says: /big-endian/,
  },
  'a compressed pickle': {
    file: encodeZip([{ name: 'x/data.pkl', data: pickle({}), method: 8 }]),
    says: /x\/data\.pkl is compressed/,
  },
  'a duplicate entry': {
    file: encodeTorch(pickle({}), STORAGES, [{ name: 'archive/data/0', data: Buffer.alloc(6) }]),
    says: /archive\/data\/0 twice/,
  },
  'a path outside the archive': {
    file: encodeZip([{ name: '../data.pkl', data: pickle({}) }]),
    says: /invalid relative path/,
  },
  'code in the pickle': {
    file: encodeTorch(
      Buffer.concat([op.global('posix', 'system'), op.tupleOf(op.string('id')), op.reduce, op.stop]),
      {},
    ),
    says: /the global "posix.system", which is not allowed/,
  },
  'a pickle of several megabytes': {
    file: encodeTorch(Buffer.alloc(2_000_001, '}'), {}),
    says: /data\.pkl has 2000001 bytes, more than the 2000000 allowed/,
  },
};

for (const [what, { file, says }] of Object.entries(refused)) {
  test(`refuses ${what}`, async (t) => {
    const path = await write(t, file);
    await assert.rejects(openTorchZip(path), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, says);
      assert.ok(error.message.includes(path));
      return true;
    });
  });
}

test('refuses a truncated checkpoint', async (t) => {
  const whole = await readFile(fixture('reference', 'l15-mini-split', 'pytorch_model-00001-of-00002.bin'));
  for (const length of [3, 100, whole.length / 2, whole.length - 30, whole.length - 1]) {
    await assert.rejects(openTorchZip(await write(t, whole.subarray(0, length))), UserError, `${length} bytes`);
  }
});

test('a file with random changes opens or is refused with a message', async (t) => {
  const whole = encodeTorch(stateDictPickle([MATRIX]), STORAGES);
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] = changed[at]! ^ 0xff;
    const path = await write(t, changed);
    try {
      await (await openTorchZip(path)).close();
    } catch (error) {
      assert.ok(error instanceof UserError, `byte ${at}: ${error}`);
    }
  }
});

const unreadable: Record<string, { file: Buffer; says: RegExp }> = {
  'a compressed storage': {
    file: encodeTorch(pickle({ key: '1' }), {}, [{ name: 'archive/data/1', data: Buffer.alloc(6), method: 8 }]),
    says: /archive\/data\/1 is compressed or encrypted/,
  },
  'a storage that is missing': {
    file: encodeTorch(pickle({}), {}),
    says: /tensor m, shape \[2, 2\], is in storage 0, which is missing from the archive/,
  },
  'a storage shorter than its declared size': {
    file: encodeTorch(pickle({ count: 7 }), STORAGES),
    says: /storage 0, which has 6 bytes \(7 according to the pickle\)/,
  },
  'a tensor longer than its storage': {
    file: encodeTorch(pickle({ offset: 3 }), STORAGES),
    says: /tensor m, shape \[2, 2\], ends at byte 7 of storage 0/,
  },
  'strides that lead out of the storage': {
    file: encodeTorch(pickle({ stride: [4, 2] }), STORAGES),
    says: /ends at byte 7 of storage 0/,
  },
  'a shape whose product overflows': {
    file: encodeTorch(pickle({ shape: Array(8).fill(2 ** 31 - 1), stride: Array(8).fill(0) }), STORAGES),
    says: /tensor m, .* repeats 6 bytes/,
  },
};

for (const [what, { file, says }] of Object.entries(unreadable)) {
  test(`opens a file with ${what}, which only reading the tensor refuses`, async (t) => {
    const path = await write(t, file);
    const source = await openTorchZip(path);
    t.after(() => source.close());
    const { problem } = source.tensors.get('m')!;
    assert.match(problem!, says);
    assert.ok(problem!.includes(path));
    await assert.rejects(source.read('m'), new UserError(problem!));
  });
}

test('reads transposed, expanded and skipping views by their strides', async (t) => {
  const tensors = [
    { ...MATRIX, name: 'transposed', stride: [1, 2] },
    { ...MATRIX, name: 'expanded', stride: [0, 1] },
    { ...MATRIX, name: 'every second', shape: [3], stride: [2] },
    { ...MATRIX, name: 'cube', shape: [1, 2, 2], stride: [9, 1, 3], offset: 1 },
    { ...MATRIX, name: 'half', storage: 'HalfStorage', shape: [2], stride: [2], count: 3 },
    { ...MATRIX, name: 'long', storage: 'LongStorage', shape: [2, 2], stride: [1, 2], key: '1', count: 4 },
  ];
  const longs = Uint8Array.from({ length: 32 }, (_, i) => i);
  const source = await openTorchZip(await write(t, encodeTorch(stateDictPickle(tensors), { ...STORAGES, 1: longs })));
  t.after(() => source.close());
  const bytes = async (name: string) => [...(await source.read(name))];
  assert.deepEqual(await bytes('transposed'), [10, 12, 11, 13]);
  assert.deepEqual(await bytes('expanded'), [10, 11, 10, 11]);
  assert.deepEqual(await bytes('every second'), [10, 12, 14]);
  assert.deepEqual(await bytes('cube'), [11, 14, 12, 15]);
  assert.deepEqual(await bytes('half'), [10, 11, 14, 15]);
  assert.deepEqual(
    await bytes('long'),
    [0, 2, 1, 3].flatMap((n) => [...longs.subarray(8 * n, 8 * n + 8)]),
  );
});
