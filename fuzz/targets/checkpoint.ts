import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/model/checkpoint/open-checkpoint.js';
import { planWeights } from '../../src/model/export/weight-files.js';
import { fixture } from '../../test/fixtures.js';
import { linkedFolder } from '../linked-folder.js';
import { mutateJson } from '../mutate-json.js';
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

export const target: FuzzTarget = {
  async run(folder, random) {
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

function lengthOf(header: Buffer): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(header.length));
  return bytes;
}
