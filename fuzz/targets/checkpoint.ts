import { readFileSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/model/checkpoint/open-checkpoint.js';
import { planWeights } from '../../src/model/export/weight-files.js';
import { fixture } from '../../test/fixtures.js';
import { linkedFolder } from '../linked-folder.js';
import { mutateJson } from '../mutate-json.js';
import type { Random } from '../random.js';
import type { FuzzTarget } from '../target.js';

/** Checkpoints and their JSON files. */
const FILES = [
  ['hr-mini', 'config.json'],
  ['hr-mini', 'model.safetensors'],
  ['hr-mini-bin', 'pytorch_model.bin.index.json'],
  ['l15-mini-split', 'config.json'],
  ['l15-mini-split', 'clip-mini/config.json'],
  ['l15-mini-split', 'pytorch_model.bin.index.json'],
] as const;

const NEXT = JSON.parse(readFileSync(fixture('family', 'next.json'), 'utf8')) as {
  config: object;
  tensors: Record<string, number[]>;
};

export const target: FuzzTarget = {
  async run(folder, random) {
    if (random.chance(0.2)) return openNext(folder, random);
    const [checkpointName, name] = random.pick(FILES);
    const original = readFileSync(fixture('reference', checkpointName, name));
    const copy = join(folder, checkpointName);
    if (name === 'model.safetensors') {
      const headerBytes = Number(original.readBigUInt64LE());
      const header = mutateJson(original.toString('utf8', 8, 8 + headerBytes), random);
      await linkedFolder(fixture('reference', checkpointName), copy, name, lengthOf(header));
      const file = await open(join(copy, name), 'a');
      await file.write(header);
      await file.truncate(original.length - headerBytes + header.length); // sparse: the weights take no disk space
      await file.close();
    } else {
      await linkedFolder(fixture('reference', checkpointName), copy, name, mutateJson(original.toString(), random));
    }
    const checkpoint = await openCheckpoint(copy);
    planWeights(checkpoint.architecture, 'fp16', 'int8');
    await checkpoint.close();
  },
};

/** LLaVA-NeXT as transformers writes it, with a changed config. The weights are a sparse file. */
async function openNext(folder: string, random: Random): Promise<void> {
  const config = mutateJson(JSON.stringify(NEXT.config), random);
  await writeFile(join(folder, 'config.json'), config);
  let end = 0;
  const entries = Object.entries(NEXT.tensors).map(([name, shape]) => {
    const start = end;
    end += 4 * shape.reduce((product, size) => product * size, 1);
    return [name, { dtype: 'F32', shape, data_offsets: [start, end] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const file = await open(join(folder, 'model.safetensors'), 'w');
  await file.write(Buffer.concat([lengthOf(header), header]));
  await file.truncate(8 + header.length + end);
  await file.close();
  const checkpoint = await openCheckpoint(folder);
  planWeights(checkpoint.architecture, 'fp16', 'int8');
  await checkpoint.close();
}

function lengthOf(header: Buffer): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(header.length));
  return bytes;
}
