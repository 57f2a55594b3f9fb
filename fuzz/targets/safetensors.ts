import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensors } from '../../src/model/checkpoint/safetensors.js';
import { type CraftedTensor, encodeSafetensors, withHeader } from '../../test/model/checkpoint/craft-safetensors.js';
import { mutateBytes } from '../mutate-bytes.js';
import { mutateJson } from '../mutate-json.js';
import type { Random } from '../random.js';
import type { FuzzTarget } from '../target.js';

const tensor = (dtype: string, shape: number[], bytes: number): CraftedTensor => ({
  dtype,
  shape,
  bytes: Buffer.alloc(bytes, 1),
});
const FILE = encodeSafetensors(
  new Map([
    ['model.embed_tokens.weight', tensor('F32', [4, 2], 32)],
    ['model.norm.weight', tensor('BF16', [3], 6)],
    ['lm_head.weight', tensor('F16', [2, 2, 2], 16)],
    ['position_ids', tensor('I64', [1], 8)],
  ]),
);
const HEADER_BYTES = Number(FILE.readBigUInt64LE());
const HEADER = FILE.toString('utf8', 8, 8 + HEADER_BYTES);
const DATA = FILE.subarray(8 + HEADER_BYTES);

export const target: FuzzTarget = {
  async run(folder, random) {
    const path = join(folder, 'model.safetensors');
    await writeFile(path, damaged(random));
    const source = await openSafetensors(path);
    try {
      for (const name of source.tensors.keys()) await source.read(name);
    } finally {
      await source.close();
    }
  },
};

function damaged(random: Random): Buffer {
  if (random.chance(0.3)) return mutateBytes(FILE, random);
  if (random.chance(0.1)) return withHeader(HEADER, DATA, random.pick([1n << 63n, (1n << 64n) - 1n, 100_000_000n, 0n]));
  return withHeader(mutateJson(HEADER, random).toString('latin1'), DATA);
}
