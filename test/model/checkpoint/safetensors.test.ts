import assert from 'node:assert/strict';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { openSafetensors } from '../../../src/model/checkpoint/safetensors.js';
import { UserError } from '../../../src/shared/errors.js';
import { fixture } from '../../fixtures.js';
import { type CraftedTensor, encodeSafetensors, withHeader } from './craft-safetensors.js';
import { temporaryFolder } from './temporary-folder.js';

const tensor = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test('reads names, shapes, types and bytes', async (t) => {
  const path = join(temporaryFolder(t), 'a.safetensors');
  const tensors = new Map<string, CraftedTensor>([
    ['a', { dtype: 'F32', shape: [2, 1], bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }],
    ['empty', { dtype: 'F16', shape: [0], bytes: Uint8Array.of() }],
    ['b', { dtype: 'BF16', shape: [], bytes: Uint8Array.of(9, 10) }],
    ['data_offsets', { dtype: 'I64', shape: [1], bytes: new Uint8Array(8) }],
    ['__proto__', { dtype: 'F16', shape: [1], bytes: Uint8Array.of(11, 12) }],
  ]);
  // Object literals cannot have __proto__ as a key, so the last one is written into the text.
  const file = encodeSafetensors(new Map([...tensors].slice(0, 4)));
  const length = Number(file.readBigUInt64LE());
  const header = file.subarray(8, 8 + length).toString();
  const longer = `${header.slice(0, -1)},"__proto__":${JSON.stringify(tensor('F16', [1], 18, 20))}}`;
  await writeFile(path, withHeader(`${longer}  `, Buffer.concat([file.subarray(8 + length), Uint8Array.of(11, 12)])));

  const source = await openSafetensors(path);
  t.after(() => source.close());
  const types = [...source.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape]);
  assert.deepEqual(types, [
    ['a', 'F32', [2, 1]],
    ['empty', 'F16', [0]],
    ['b', 'BF16', []],
    ['data_offsets', 'other', [1]],
    ['__proto__', 'F16', [1]],
  ]);
  for (const [name, { bytes }] of tensors) assert.deepEqual(new Uint8Array(await source.read(name)), bytes);
  assert.equal(source.tensors.get('a')?.file, path);
  await assert.rejects(source.read('c'), new UserError(`${path} has no tensor c.`));
});

/** File content, and what the message must say. */
const broken: Record<string, { file: Buffer; says: RegExp }> = {
  'an empty file': { file: Buffer.alloc(0), says: /the file has only 0 bytes/ },
  'a header of 2^63 bytes': {
    file: withHeader('{}', Buffer.alloc(0), 2n ** 63n),
    says: /length is 9223372036854775808 bytes/,
  },
  'a header longer than the file': {
    file: withHeader('{}', Buffer.alloc(0), 1000n),
    says: /length is 1000 bytes, but the file has 10/,
  },
  'invalid JSON': { file: withHeader('{"a":', Buffer.alloc(0)), says: /header is not JSON/ },
  'a list': { file: withHeader('[]', Buffer.alloc(0)), says: /not a JSON object/ },
  'a tensor that is null': { file: craft({ a: null }, 0), says: /tensor a is not described by an object/ },
  'a dtype that is no text': {
    file: craft({ a: { ...tensor('F32', [1], 0, 4), dtype: 7 } }, 4),
    says: /tensor a has the invalid dtype 7/,
  },
  'a negative size': {
    file: craft({ a: tensor('F32', [-1], 0, 4) }, 4),
    says: /tensor a has the invalid shape \[-1\]/,
  },
  'a fractional size': { file: craft({ a: tensor('F32', [0.5], 0, 2) }, 2), says: /invalid shape/ },
  'a shape larger than its bytes': {
    file: craft({ a: tensor('F32', [3], 0, 8) }, 8),
    says: /tensor a, F32 \[3\], needs 12 bytes, but its data_offsets span 8/,
  },
  'a shape whose product overflows': {
    file: craft({ a: tensor('F32', [2 ** 52, 2 ** 52], 0, 4) }, 4),
    says: /data_offsets span 4/,
  },
  'three offsets': {
    file: craft({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4, 8] } }, 4),
    says: /invalid data_offsets \[0,4,8\]/,
  },
  'offsets beyond the end': {
    file: craft({ a: tensor('F32', [2], 0, 8) }, 4),
    says: /tensor a ends at byte 8 of the data, but there are only 4/,
  },
  'overlapping tensors': {
    file: craft({ a: tensor('F32', [2], 0, 8), b: tensor('F32', [1], 4, 8) }, 8),
    says: /tensor b overlaps the tensor before it/,
  },
  'a gap': {
    file: craft({ a: tensor('F32', [1], 0, 4), b: tensor('F32', [1], 8, 12) }, 12),
    says: /no tensor covers bytes 4 to 8/,
  },
  'bytes after the last tensor': {
    file: craft({ a: tensor('F32', [1], 0, 4) }, 5),
    says: /no tensor covers bytes 4 to 5/,
  },
  'a duplicate name': {
    file: withHeader(
      `{"a":${JSON.stringify(tensor('F32', [1], 0, 4))},"a":${JSON.stringify(tensor('I32', [1], 0, 4))}}`,
      Buffer.alloc(4),
    ),
    says: /lists a tensor twice/,
  },
};

function craft(header: Record<string, unknown>, dataSize: number): Buffer {
  return withHeader(JSON.stringify(header), Buffer.alloc(dataSize));
}

for (const [what, { file, says }] of Object.entries(broken)) {
  test(`refuses ${what}`, async (t) => {
    const path = join(temporaryFolder(t), 'broken.safetensors');
    await writeFile(path, file);
    await assert.rejects(openSafetensors(path), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, says);
      assert.ok(error.message.startsWith(path));
      return true;
    });
  });
}

test('refuses a truncated checkpoint at every length', async (t) => {
  const path = join(temporaryFolder(t), 'model.safetensors');
  const whole = await readFile(fixture('reference', 'l15-mini', 'model.safetensors'));
  for (const length of [0, 7, 8, 9, 1000, whole.length - 1_000_000, whole.length - 1]) {
    await writeFile(path, whole.subarray(0, length));
    await assert.rejects(openSafetensors(path), UserError, `${length} bytes`);
  }
});

test('refuses folders and missing files', async (t) => {
  const folder = temporaryFolder(t);
  await assert.rejects(openSafetensors(folder), new UserError(`${folder} is not a file.`));
  await assert.rejects(openSafetensors(join(folder, 'none')), /cannot be opened: .*ENOENT/);
});

test('reads a large file with the memory of one tensor', async (t) => {
  const path = join(temporaryFolder(t), 'large.safetensors');
  const count = 32;
  const size = 16 * 2 ** 20; // half a gigabyte in all, sparse on disk
  const header: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) header[`t${i}`] = tensor('F16', [size / 2], i * size, (i + 1) * size);
  const start = withHeader(JSON.stringify(header), Buffer.alloc(0));
  const file = await open(path, 'w');
  await file.write(start);
  await file.truncate(start.length + count * size);
  await file.close();

  const before = process.memoryUsage.rss();
  let highest = before;
  const source = await openSafetensors(path);
  t.after(() => source.close());
  for (const name of source.tensors.keys()) {
    assert.equal((await source.read(name)).length, size);
    highest = Math.max(highest, process.memoryUsage.rss());
  }
  assert.ok(highest - before < 256 * 2 ** 20, `grew by ${(highest - before) / 2 ** 20} MB`);
});
