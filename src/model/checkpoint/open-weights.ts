import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { insideFolder } from '../../shared/inside-folder.js';
import { keyName, readBlock, readConfigFile, readText } from './config-file.js';
import { openFile } from './open-file.js';
import { openSafetensors } from './safetensors.js';
import type { TensorInfo, TensorSource } from './tensor-source.js';
import { openTorchZip } from './torch-zip.js';

/** The weights of a folder, with the files they are in: all shards and their index, absolute paths. */
export interface Weights extends TensorSource {
  readonly files: readonly string[];
}

type Open = (path: string) => Promise<TensorSource>;

/** Where transformers keeps weights, best first. */
const WEIGHT_FILES: readonly { single: string; index: string; open: Open }[] = [
  { single: 'model.safetensors', index: 'model.safetensors.index.json', open: openSafetensors },
  { single: 'pytorch_model.bin', index: 'pytorch_model.bin.index.json', open: openTorchZip },
];

/**
 * Opens the weights of a folder as transformers saves them: one file, or shards with an index.
 * @throws UserError when there are none, or the index and its shards do not agree
 */
export async function openWeights(folder: string): Promise<Weights> {
  for (const { single, index, open } of WEIGHT_FILES) {
    if (existsSync(join(folder, single))) return openShards([join(folder, single)], [], open);
    const indexFile = join(folder, index);
    if (existsSync(indexFile)) {
      const shardOf = await readIndex(folder, indexFile);
      const weights = await openShards([...new Set(shardOf.values())], [indexFile], open);
      return checkIndex(weights, shardOf, indexFile);
    }
  }
  const names = WEIGHT_FILES.flatMap(({ single, index }) => [single, index]).join(', ');
  throw new UserError(`${folder} holds no weights (looked for ${names})${explainPartialCheckpoint(folder)}.`);
}

/** Shard path of each tensor that an index names. */
async function readIndex(folder: string, indexFile: string): Promise<Map<string, string>> {
  const map = readBlock(await readConfigFile(indexFile), 'weight_map');
  if (map === undefined) throw new UserError(`${indexFile} has no weight_map.`);
  const shardOf = new Map<string, string>();
  for (const tensor of Object.keys(map.values)) {
    const name = readText(map, tensor) ?? '';
    const path = insideFolder(folder, name);
    if (path === null) {
      throw new UserError(`${keyName(map, tensor)} names ${JSON.stringify(name)}, which is no file of the folder.`);
    }
    shardOf.set(tensor, path);
  }
  for (const path of new Set(shardOf.values())) {
    if (existsSync(path)) continue;
    const count = [...shardOf.values()].filter((shard) => shard === path).length;
    throw new UserError(`${path} is missing: ${indexFile} says it holds ${count} tensors. Download it.`);
  }
  return shardOf;
}

async function openShards(shards: string[], indexFiles: string[], open: Open): Promise<Weights> {
  const sources: TensorSource[] = [];
  const close = async () => {
    await Promise.all(sources.map((source) => source.close()));
  };
  const tensors = new Map<string, TensorInfo>();
  const sourceOf = new Map<string, TensorSource>();
  try {
    for (const shard of shards) {
      await refuseLfsPointer(shard);
      const source = await open(shard);
      sources.push(source);
      for (const [name, info] of source.tensors) {
        const other = tensors.get(name);
        if (other !== undefined) throw new UserError(`Tensor ${name} is in two shards, ${other.file} and ${shard}.`);
        tensors.set(name, info);
        sourceOf.set(name, source);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    tensors,
    files: [...indexFiles, ...shards],
    async read(name) {
      const source = sourceOf.get(name);
      if (source === undefined) throw new UserError(`None of ${shards.join(', ')} has a tensor ${name}.`);
      return source.read(name);
    },
    close,
  };
}

/** Checks that every tensor is in the shard where the index has it; closes the weights if not. */
async function checkIndex(weights: Weights, shardOf: ReadonlyMap<string, string>, indexFile: string): Promise<Weights> {
  for (const [name, shard] of shardOf) {
    if (weights.tensors.get(name)?.file === shard) continue;
    await weights.close();
    throw new UserError(`${shard} has no tensor ${name}, though ${indexFile} says so. Download both again.`);
  }
  return weights;
}

const LFS_POINTER_START = 'version https://git-lfs';

/** A clone without Git LFS leaves small text files in the place of the weights. */
async function refuseLfsPointer(path: string): Promise<void> {
  const file = await openFile(path);
  try {
    const start = await file.read(0, Math.min(LFS_POINTER_START.length, file.size));
    if (new TextDecoder('latin1').decode(start) === LFS_POINTER_START) {
      throw new UserError(`${path} is a Git LFS pointer, not the weights. Run "git lfs pull" in its folder.`);
    }
  } finally {
    await file.close();
  }
}

function explainPartialCheckpoint(folder: string): string {
  if (existsSync(join(folder, 'mm_projector.bin'))) {
    return '. mm_projector.bin alone is the projector of a pretraining stage: use the fine-tuned checkpoint';
  }
  if (existsSync(join(folder, 'adapter_config.json'))) {
    return '. It holds a LoRA adapter: merge it into its base model first';
  }
  return '';
}
