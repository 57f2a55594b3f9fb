import { copyFile, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from '../../src/shared/crc32.js';
import { fixture } from '../fixtures.js';
import { type CraftedTensor, encodeSafetensors } from './checkpoint/craft-safetensors.js';

/* Weights and pixels by formula, as in test/fixtures/family/weights.py: no file has to hold them. */

const MODULUS = 2147483647;

/** Numbers in (-1, 1) from MINSTD, seeded by the name. */
function uniform(name: string, count: number): Float64Array {
  let x = (crc32(Buffer.from(name)) % (MODULUS - 1)) + 1;
  return Float64Array.from({ length: count }, () => {
    x = (x * 48271) % MODULUS;
    return 2 * (x / MODULUS) - 1;
  });
}

function weight(name: string, shape: readonly number[]): Float32Array {
  const values = uniform(
    name,
    shape.reduce((product, size) => product * size, 1),
  );
  if (shape.length === 1) {
    const centre = name.endsWith('.weight') ? 1 : 0;
    return Float32Array.from(values, (value) => 0.1 * value + centre);
  }
  if (/embed_tokens|position_embedding/.test(name)) return Float32Array.from(values);
  const scale = 2 / Math.sqrt(values.length / shape[0]!);
  return Float32Array.from(values, (value) => value * scale);
}

/** RGB, [height, width, 3] */
export function madeUpPicture(name: string, width: number, height: number): Uint8Array {
  return Uint8Array.from(uniform(name, width * height * 3), (noise, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return ((x * (3 + c) + y * (7 - 2 * c)) % 200) + 28 + Math.floor(27 * noise);
  });
}

/**
 * Writes a checkpoint with weights by formula and the tokenizer of the reference checkpoints.
 * @param rename the name under which a tensor is stored
 * @returns its folder
 */
export async function madeUpCheckpoint(
  config: object,
  shapes: Readonly<Record<string, readonly number[]>>,
  rename: (name: string) => string = (name) => name,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-made-up-'));
  const tensors = Object.entries(shapes).map(([name, shape]): [string, CraftedTensor] => {
    const values = weight(name, shape);
    return [rename(name), { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) }];
  });
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(new Map(tensors)));
  for (const name of ['tokenizer.model', 'tokenizer_config.json']) {
    await copyFile(fixture('reference', 'hr-mini', name), join(folder, name));
  }
  return folder;
}
