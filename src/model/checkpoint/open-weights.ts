import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { insideFolder } from '../../shared/inside-folder.js';
import { keyName, readBlock, readConfigFile, readText } from './config-file.js';
import { explainNoWeights } from './explain-no-weights.js';
import { openFile } from './open-file.js';
import { openSafetensors } from './safetensors.js';
import type { TensorInfo, TensorSource } from './tensor-source.js';
import { openTorchZip } from './torch-zip.js';
import { withoutWrapper } from './without-wrapper.js';

/** The weights of a folder. `files` are the absolute paths of all shards and their index. */
export interface Weights extends TensorSource {
  readonly files: readonly string[];
}

type Open = (path: string) => Promise<TensorSource>;

/** File names used by transformers, preferred format first. */
export const WEIGHT_FILES: readonly { single: string; index: string; open: Open }[] = [
  { single: 'model.safetensors', index: 'model.safetensors.index.json', open: openSafetensors },
  { single: 'pytorch_model.bin', index: 'pytorch_model.bin.index.json', open: openTorchZip },
];

/**
 * Opens the weights that transformers saved in a folder: one file, or shards with an index. Names that a wrapper such as
 * DataParallel has prefixed are read without the prefix.
 * @throws UserError when there are none, or the shards do not match their index
 */
export async function openWeights(folder: string): Promise<Weights> {
  for (const { single, index, open } of WEIGHT_FILES) {
    if (existsSync(join(folder, single))) return withoutWrapper(await openShards([join(folder, single)], [], open));
    const indexFile = join(folder, index);
    if (existsSync(indexFile)) {
      const shardOf = await readIndex(folder, indexFile);
      const weights = await openShards([...new Set(shardOf.values())], [indexFile], open);
      return withoutWrapper(await checkIndex(weights, shardOf, indexFile));
    }
  }
  throw explainNoWeights(
    folder,
    WEIGHT_FILES.flatMap(({ single, index }) => [single, index]),
  );
}

/** Opens one weight file of any name: safetensors by its ending, a torch file otherwise. */
export function openWeightFile(path: string): Promise<Weights> {
  return openShards([path], [], path.endsWith('.safetensors') ? openSafetensors : openTorchZip);
}

/** Maps each tensor listed in an index to the path of its shard. */
async function readIndex(folder: string, indexFile: string): Promise<Map<string, string>> {
  const map = readBlock(await readConfigFile(indexFile), 'weight_map');
  if (map === undefined) throw new UserError(`${indexFile} has no weight_map.`);
  const shardOf = new Map<string, string>();
  for (const tensor of Object.keys(map.values)) {
    const name = readText(map, tensor) ?? '';
    const path = insideFolder(folder, name);
    if (path === null) {
      throw new UserError(`${keyName(map, tensor)} is ${JSON.stringify(name)}, which is not a path inside the folder.`);
    }
    shardOf.set(tensor, path);
  }
  const shards = [...new Set(shardOf.values())];
  const missing = shards.filter((path) => !existsSync(path));
  if (missing.length === 0) return shardOf;
  const count = [...shardOf.values()].filter((shard) => missing.includes(shard)).length;
  if (missing.length === 1) {
    throw new UserError(`${missing[0]} is missing; ${indexFile} lists ${count} of its tensors. Download it.`);
  }
  const names = missing.map((path) => basename(path));
  const shown = names.length > 6 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
  throw new UserError(
    `${missing.length} of the ${shards.length} shards that ${indexFile} lists are missing. Download ${shown} into ${folder}.`,
  );
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

/** Checks that every tensor is in the shard given by the index; closes the weights if not. */
async function checkIndex(weights: Weights, shardOf: ReadonlyMap<string, string>, indexFile: string): Promise<Weights> {
  for (const [name, shard] of shardOf) {
    if (weights.tensors.get(name)?.file === shard) continue;
    await weights.close();
    throw new UserError(`${shard} has no tensor ${name}, although ${indexFile} lists it. Download both again.`);
  }
  return weights;
}

const LFS_POINTER_START = 'version https://git-lfs';

/** A clone without Git LFS has small text files in place of the weights. */
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
