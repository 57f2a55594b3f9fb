import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openTorchZip } from '../../src/model/checkpoint/torch-zip.js';
import {
  dictPickle,
  encodeTorch,
  op,
  type PickleTensor,
  stateDictPickle,
  tensorOps,
} from '../../test/model/checkpoint/craft-torch.js';
import { HOSTILE_NAMES } from '../hostile-names.js';
import { mutateBytes } from '../mutate-bytes.js';
import { mutateZip } from '../mutate-zip.js';
import type { Random } from '../random.js';
import type { FuzzTarget } from '../target.js';

const TENSORS: PickleTensor[] = [
  { name: 'model.embed_tokens.weight', shape: [4, 2], stride: [2, 1], count: 8 },
  { name: 'model.norm.weight', shape: [3], stride: [1], offset: 1, storage: 'HalfStorage', key: '1', count: 4 },
];
const STORAGES = { 0: Buffer.alloc(32, 1), 1: Buffer.alloc(8, 2) };
const PICKLE = stateDictPickle(TENSORS);
const TENSOR = tensorOps(TENSORS[0]!);

/** Pickles that attack a reader which executes them. */
const HOSTILE: readonly ((random: Random) => Buffer)[] = [
  (random) => {
    const [module, name] = random.pick([
      ['os', 'system'],
      ['posix', 'system'],
      ['builtins', 'eval'],
      ['subprocess', 'Popen'],
      ['__builtin__', 'exec'],
      ['torch', '__proto__'],
      ['collections', 'OrderedDict.__class__'],
    ] as const);
    return dictPickle([['x', Buffer.concat([op.global(module, name), op.tupleOf(op.string('id')), op.reduce])]]);
  },
  // Nested tuples, each used twice: a tree of 2^1000 leaves in 4,000 bytes.
  () => {
    const levels = Array.from({ length: 250 }, (_, i) => [op.get(i), op.get(i), Buffer.from('\x86'), op.put(i + 1)]);
    return dictPickle([['x', Buffer.concat([op.emptyTuple, op.put(0), ...levels.flat()])]]);
  },
  () => dictPickle([['x', Buffer.concat([op.emptyTuple, Buffer.alloc(1_500_000, '\x85')])]]),
  () => Buffer.concat([op.proto, Buffer.alloc(1_900_000, '(')]),
  () => dictPickle(Array.from({ length: 2000 }, (_, i) => [`t${i}`, TENSOR] as const)),
  () => dictPickle([['__proto__', TENSOR]]),
  (random) => stateDictPickle([{ ...TENSORS[0]!, key: random.pick(HOSTILE_NAMES) }]),
  (random) => stateDictPickle([{ ...TENSORS[0]!, name: random.pick(HOSTILE_NAMES) }]),
  (random) => stateDictPickle([{ ...TENSORS[0]!, offset: random.pick([2 ** 31 - 1, -1, 8]) }]),
  (random) =>
    stateDictPickle([{ ...TENSORS[0]!, shape: [2 ** 31 - 1, 2 ** 31 - 1, 2], stride: [2, random.below(3), 1] }]),
];

export const target: FuzzTarget = {
  async run(folder, random) {
    const path = join(folder, 'pytorch_model.bin');
    await writeFile(path, damaged(random));
    const source = await openTorchZip(path);
    try {
      for (const name of source.tensors.keys()) await source.read(name);
    } finally {
      await source.close();
    }
  },
};

function damaged(random: Random): Buffer {
  if (random.chance(0.4)) return mutateZip(encodeTorch(PICKLE, STORAGES), random);
  if (random.chance(0.2)) return encodeTorch(random.pick(HOSTILE)(random), STORAGES);
  if (random.chance(0.2)) {
    const more = { name: random.pick(HOSTILE_NAMES.filter((name) => name !== '')), data: Buffer.from('x') };
    return encodeTorch(PICKLE, STORAGES, [more]);
  }
  return encodeTorch(mutateBytes(PICKLE, random), STORAGES);
}
