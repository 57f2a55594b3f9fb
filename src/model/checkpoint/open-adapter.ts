import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError, usageError } from '../../shared/errors.js';
import { type ConfigBlock, keyName, readConfigFile, readFlag, readPositive, readText } from './config-file.js';
import { findNamedFolder, lastPart } from './find-named-folder.js';
import { mergeLora } from './merge-lora.js';
import { openWeightFile, openWeights, WEIGHT_FILES, type Weights } from './open-weights.js';

const ADAPTER_CONFIG = 'adapter_config.json';
const ADAPTER_FILES = ['adapter_model.safetensors', 'adapter_model.bin'];
/** What LLaVA's LoRA training saves beside the adapter: projector and, where they were trained, embeddings and towers. */
const NON_LORA_FILES = ['non_lora_trainables.safetensors', 'non_lora_trainables.bin'];
/** What LLaVA's pretraining saves: the projector alone. */
const PROJECTOR_FILES = ['mm_projector.safetensors', 'mm_projector.bin'];

/** The weights of a checkpoint, and the folder of the base model that a part of them comes from. */
export interface CheckpointWeights {
  weights: Weights;
  /** null where the checkpoint is whole. */
  baseFolder: string | null;
}

/** Whether a folder may be a checkpoint: a whole one, or an adapter without a config of its own. */
export function looksLikeCheckpoint(folder: string): boolean {
  return existsSync(join(folder, 'config.json')) || existsSync(join(folder, ADAPTER_CONFIG));
}

/**
 * Opens the weights of a checkpoint folder. A LoRA adapter, as LLaVA's training or PEFT saves it, is merged into its base
 * model; a projector alone is put on top of it.
 * Source: LLaVA model/builder.py; PEFT tuners/lora/layer.py, `merge`.
 * @param base folder of the base model (default: the one that the adapter names, if it is in or beside the folder)
 * @throws UserError when files are missing or do not belong together
 */
export async function openCheckpointWeights(root: string, base: string | undefined): Promise<CheckpointWeights> {
  const adapterFile = firstExisting(root, ADAPTER_FILES);
  const nonLora = firstExisting(root, NON_LORA_FILES);
  const isWhole = WEIGHT_FILES.some(({ single, index }) =>
    [single, index].some((name) => existsSync(join(root, name))),
  );
  if (isWhole && adapterFile !== null) {
    throw new UserError(
      `${root} contains a whole model and beside it a LoRA adapter (${lastPart(adapterFile)}), so it is not clear whether the ` +
        'adapter is merged. Delete the adapter if it is; otherwise move adapter_config.json, adapter_model and ' +
        'non_lora_trainables to a folder of their own, and give that folder with --base.',
    );
  }
  if (isWhole) {
    if (base !== undefined) throw usageError(`${root} is a whole model: leave out --base ${base}.`);
    return { weights: await openWeights(root), baseFolder: null };
  }
  if (adapterFile !== null || existsSync(join(root, ADAPTER_CONFIG))) {
    const config = await readConfigFile(join(root, ADAPTER_CONFIG));
    const scale = readScale(config);
    if (adapterFile === null) {
      throw new UserError(
        `${config.file} exists, but none of ${ADAPTER_FILES.join(', ')}. Download the adapter completely.`,
      );
    }
    const baseFolder = findBase(root, base, readText(config, 'base_model_name_or_path') ?? '', 'a LoRA adapter');
    return openAll(baseFolder, [adapterFile, nonLora], ([whole, adapter, rest]) => ({
      weights: mergeLora(
        whole!,
        { weights: adapter!, scale, folder: root, baseFolder },
        rest ? [officialNames(rest)] : [],
      ),
      baseFolder,
    }));
  }
  const projector = firstExisting(root, PROJECTOR_FILES) ?? nonLora;
  if (projector !== null) {
    const config = existsSync(join(root, 'config.json')) ? await readConfigFile(join(root, 'config.json')) : null;
    const named = (config && readText(config, '_name_or_path')) ?? '';
    const baseFolder = findBase(root, base, named, 'the projector of a pretraining stage alone');
    return openAll(baseFolder, [projector], ([whole, part]) => ({
      weights: mergeLora(whole!, { weights: noWeights(), scale: () => 1, folder: root, baseFolder }, [
        officialNames(part!),
      ]),
      baseFolder,
    }));
  }
  return { weights: await openWeights(root), baseFolder: null }; // which says what is there instead
}

/** @throws UserError for adapters that are merged in another way */
function readScale(config: ConfigBlock): (rank: number) => number {
  const type = readText(config, 'peft_type') ?? 'LORA';
  const refuse = (key: string): never => {
    throw new UserError(
      `${keyName(config, key)} is ${JSON.stringify(config.values[key])}, which is not supported. Merge the adapter with PEFT ` +
        '(model.merge_and_unload()) and give the merged checkpoint.',
    );
  };
  if (type !== 'LORA') refuse('peft_type');
  for (const key of ['use_dora', 'fan_in_fan_out']) if (readFlag(config, key)) refuse(key);
  for (const key of ['alpha_pattern', 'layer_replication', 'megatron_config']) {
    const value = config.values[key];
    if (value !== null && value !== undefined && Object.keys(value).length > 0) refuse(key);
  }
  const alpha = readPositive(config, 'lora_alpha') ?? 8; // PEFT's default
  const isRankStabilised = readFlag(config, 'use_rslora') ?? false;
  return (rank) => alpha / (isRankStabilised ? Math.sqrt(rank) : rank);
}

function findBase(root: string, given: string | undefined, named: string, what: string): string {
  const folder = given === undefined ? findNamedFolder(root, named) : resolve(given);
  if (folder === null) {
    const name = named === '' ? 'the model that it was trained on' : named;
    throw new UserError(
      `${root} is ${what}, without its base model. Download ${name} and give its folder with --base <folder>` +
        `${named === '' ? '' : `, or put it at ${join(root, '..', lastPart(named))}`}.`,
    );
  }
  if (!existsSync(join(folder, 'config.json')))
    throw usageError(`The base model ${folder} is not a checkpoint: it has no config.json.`);
  return folder;
}

/** Opens the base model and the given files; closes all of them when anything fails. */
async function openAll<T>(
  baseFolder: string,
  files: readonly (string | null)[],
  use: (opened: Weights[]) => T,
): Promise<T> {
  const opened: Weights[] = [];
  try {
    opened.push(await openWeights(baseFolder));
    for (const file of files) if (file !== null) opened.push(await openWeightFile(file));
    return use(opened);
  } catch (error) {
    await Promise.all(opened.map((weights) => weights.close()));
    throw error;
  }
}

/**
 * Weights with the names of LLaVA's state dict: PEFT puts `base_model.` before them, and a further `model.` if the model was
 * wrapped. Source: LLaVA model/builder.py.
 */
function officialNames(weights: Weights): Weights {
  const stripped = [...weights.tensors.keys()].map((name) => name.replace(/^base_model\./, ''));
  const isWrapped = stripped.some((name) => name.startsWith('model.model.'));
  const storedOf = new Map(
    [...weights.tensors.keys()].map((stored, i) => [
      isWrapped ? stripped[i]!.replace(/^model\./, '') : stripped[i]!,
      stored,
    ]),
  );
  return {
    ...weights,
    tensors: new Map([...storedOf].map(([name, stored]) => [name, { ...weights.tensors.get(stored)!, name }])),
    read: (name) => weights.read(storedOf.get(name) ?? name),
  };
}

function noWeights(): Weights {
  return {
    tensors: new Map(),
    files: [],
    read: async (name) => {
      throw new Error(`no tensor ${name}`);
    },
    close: async () => undefined,
  };
}

function firstExisting(folder: string, names: readonly string[]): string | null {
  return names.map((name) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}
