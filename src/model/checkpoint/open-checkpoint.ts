import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError, usageError } from '../../shared/errors.js';
import type { Architecture } from '../architecture.js';
import { checkPreprocessor } from './check-preprocessor.js';
import { checkTensors, describeUnused, refuseUncomputed } from './check-tensors.js';
import type { Checkpoint } from './checkpoint.js';
import { type Collected, collectTensors, emptyCollection, tieEmbeddings } from './collect-tensors.js';
import { type ConfigBlock, keyName, readBlock, readConfigFile, readText, readTokenIds } from './config-file.js';
import { explainFolder } from './explain-no-weights.js';
import { findNamedFolder, lastPart } from './find-named-folder.js';
import { endTokens } from './language-config.js';
import { describeName, type NamedTensors, unsupported } from './named-tensors.js';
import { looksLikeCheckpoint, openCheckpointWeights } from './open-adapter.js';
import { openWeights, type Weights } from './open-weights.js';
import { readArchitecture, tiesEmbeddings, trainedConvMode } from './read-config.js';
import { refuseUnmerged } from './refuse-unmerged.js';
import { clipPrefix, requiredTensors } from './required-tensors.js';
import { CLIP_FOLDER_RULES, detectLayout, type Layout, nameRules, storedName } from './tensor-names.js';

export interface OpenCheckpointOptions {
  /** Folder of the CLIP tower (openai's layout), for a LLaVA-1.5 checkpoint without one. */
  clipFolder?: string | undefined;
  /** Folder of the base model, for a LoRA adapter or a projector alone. */
  baseFolder?: string | undefined;
}

/** Files beside the weights that an export depends on; missing ones are skipped. */
const SIDE_FILES = [
  'generation_config.json',
  'preprocessor_config.json',
  'tokenizer.model',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];

/** What has been read from the folders of a checkpoint so far. */
interface Parts {
  readonly root: string;
  /** Of an adapter; null for a whole checkpoint. */
  readonly baseFolder: string | null;
  readonly weights: Weights;
  readonly config: ConfigBlock;
  readonly opened: Weights[];
  readonly collected: Collected;
  readonly files: string[];
  readonly notes: string[];
  readonly warnings: string[];
}

/**
 * Opens a checkpoint folder of the LLaVA-HR, LLaVA-1.5 (liuhaotian) or llava-hf layout and checks that every tensor
 * its architecture needs exists with the right shape and element type. No weights are read yet.
 * @throws UserError naming file, key or tensor when anything is missing, contradictory or unsupported
 */
export async function openCheckpoint(folder: string, options: OpenCheckpointOptions = {}): Promise<Checkpoint> {
  const root = resolve(folder);
  const ownConfig = await readOwnConfig(root);
  const { weights, baseFolder } = await openCheckpointWeights(root, options.baseFolder);
  const config =
    ownConfig ??
    (await readConfigFile(join(baseFolder ?? root, 'config.json')).catch(async (error) => {
      await weights.close();
      throw error;
    }));
  const parts: Parts = {
    root,
    baseFolder,
    config,
    weights,
    opened: [weights],
    collected: emptyCollection(),
    files: [config.file],
    notes: [],
    warnings: [],
  };
  const close = async () => {
    await Promise.all(parts.opened.map((weights) => weights.close()));
  };
  try {
    return { ...(await assemble(parts, options.clipFolder)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** config.json; null for an adapter without one, which has that of its base model. */
async function readOwnConfig(root: string): Promise<ConfigBlock | null> {
  const path = join(root, 'config.json');
  if (existsSync(path)) return readConfigFile(path);
  if (looksLikeCheckpoint(root)) return null;
  if (!existsSync(root)) return readConfigFile(path); // which says why it cannot be read
  const explanation = explainFolder(root);
  throw new UserError(
    `${root} is not a checkpoint: it has no config.json.${explanation === null ? '' : ` ${explanation}`}`,
  );
}

async function assemble(parts: Parts, clipFolder: string | undefined): Promise<Omit<Checkpoint, 'close'>> {
  const { root, baseFolder, config, weights, collected, files, notes, warnings } = parts;
  for (const file of [...weights.files, ...sideFiles(root)]) files.push(file);
  // As LLaVA's loader, which takes the tokenizer of a LoRA checkpoint from its base.
  const tokenizerFolder = baseFolder !== null && !hasTokenizer(root) ? baseFolder : root;
  if (baseFolder !== null) {
    for (const file of sideFiles(baseFolder)) files.push(file);
    const adapterConfig = join(root, 'adapter_config.json');
    if (existsSync(adapterConfig)) files.push(adapterConfig);
    notes.push(`The base model is read from ${baseFolder}.`);
  }
  refuseUnmerged(root, config, weights);
  const layout = detectLayout(config, weights.tensors);
  const preprocessor = join(root, 'preprocessor_config.json');
  // The official code takes the image processor of the tower, wherever the checkpoint is.
  if (layout === 'llava-hf' && existsSync(preprocessor)) checkPreprocessor(await readConfigFile(preprocessor));
  const rules = nameRules(layout, weights.tensors);
  collectTensors(collected, weights, rules);
  const vision = await openVision(parts, layout, clipFolder);
  const tied = tiesEmbeddings(config) && tieEmbeddings(collected);

  const tensors: NamedTensors = { folder: root, infos: collected.infos, storedName: (name) => storedName(name, rules) };
  const configured = readArchitecture(layout, config, vision, tensors);
  const architecture = await withGenerationConfig(configured, baseFolder ?? root);
  const required = requiredTensors(architecture);
  checkTensors(tensors, required);
  refuseUncomputed(tensors, required);
  const unused = describeUnused(tensors, collected.unmatched, required);
  if (unused.known !== null) notes.push(unused.known);
  if (unused.unknown !== null) warnings.push(unused.unknown);

  const missing = (name: string) => new UserError(`${root} has no tensor ${describeName(tensors, name)}.`);
  const read = async (name: string): Promise<Uint8Array> => {
    const place = collected.places.get(name);
    if (place === undefined) throw missing(name);
    return place.weights.read(place.stored);
  };
  if (tiesEmbeddings(config) && !tied && !(await isSameTensor('lm_head.weight', 'model.embed_tokens.weight', read))) {
    warnings.push(
      `tie_word_embeddings is true, but ${describeName(tensors, 'lm_head.weight')} differs from the embedding: the LM head ` +
        'of the file is used, as in transformers 5 (transformers 4 uses the embedding).',
    );
  }
  return {
    folder: root,
    tokenizerFolder,
    layout,
    architecture,
    convMode: trainedConvMode(layout, config, architecture.family),
    files,
    notes,
    warnings,
    read,
    tensor(name) {
      const info = collected.infos.get(name);
      if (info === undefined) throw missing(name);
      return info;
    },
  };
}

/** @throws UserError for towers of LLaVA-HR's and others' builders that are not CLIP */
function refuseOtherTower(config: ConfigBlock, name: string): void {
  const other = [/convnext/i, /(^|\/)eva/i, /siglip/i].find((pattern) => pattern.test(name));
  if (other !== undefined) unsupported(config, 'mm_vision_tower', 'as the only tower, only CLIP is');
}

/** As transformers' `generate`, which takes the tokens that end an answer from generation_config.json if they are there. */
async function withGenerationConfig(architecture: Architecture, folder: string): Promise<Architecture> {
  const path = join(folder, 'generation_config.json');
  const ids = existsSync(path) ? readTokenIds(await readConfigFile(path), 'eos_token_id') : undefined;
  if (ids === undefined) return architecture;
  const { otherEosTokenIds: _, ...language } = architecture.language;
  return { ...architecture, language: { ...language, ...endTokens(ids) } };
}

/**
 * Finds the config of the CLIP tower, and adds the tower's tensors when they are in a separate folder.
 * @returns null when there is no config, so that only the tower's name identifies it
 */
async function openVision(parts: Parts, layout: Layout, clipFolder: string | undefined): Promise<ConfigBlock | null> {
  const { root, config, opened, collected, files, notes } = parts;
  const towerName = readText(config, 'mm_vision_tower') ?? '';
  if (layout === 'llava-1.5') refuseOtherTower(config, towerName);
  const prefix = clipPrefix(layout === 'llava-hr' ? 'llava-hr' : 'llava-1.5');
  const hasTower = () => [...collected.infos.keys()].some((name) => name.startsWith(prefix));
  if (hasTower() || layout !== 'llava-1.5') {
    if (clipFolder !== undefined) {
      throw usageError(`${root} contains its own CLIP tower: remove --clip-tower ${clipFolder}.`);
    }
    const own = readBlock(config, 'vision_config');
    if (own !== undefined) return own;
    const named = findNamedFolder(root, towerName);
    return named === null ? null : readVisionConfig(named, files);
  }
  const folder = clipFolder === undefined ? findNamedFolder(root, towerName) : resolve(clipFolder);
  if (folder === null) throw missingTower(root, config, towerName);
  // Like the official code, which reads everything about such a tower from the tower's folder.
  const vision = await readVisionConfig(folder, files);
  const weights = await openWeights(folder);
  opened.push(weights);
  // A CLIP folder also contains a text model, so names that no rule matches are expected.
  collectTensors({ ...collected, unmatched: [] }, weights, CLIP_FOLDER_RULES);
  if (!hasTower())
    throw new UserError(`${folder} is not a CLIP checkpoint: it has no tensors named "vision_model...".`);
  for (const file of [...weights.files, ...sideFiles(folder)]) files.push(file);
  notes.push(`The CLIP tower is read from ${folder}.`);
  return vision;
}

async function isSameTensor(a: string, b: string, read: (name: string) => Promise<Uint8Array>): Promise<boolean> {
  return Buffer.compare(await read(a), await read(b)) === 0;
}

/** The vision part of a CLIP folder's config.json, which is added to `files`. */
async function readVisionConfig(folder: string, files: string[]): Promise<ConfigBlock> {
  const config = await readConfigFile(join(folder, 'config.json'));
  files.push(config.file);
  return readBlock(config, 'vision_config') ?? config;
}

function hasTokenizer(folder: string): boolean {
  return ['tokenizer.model', 'tokenizer.json'].some((name) => existsSync(join(folder, name)));
}

function sideFiles(folder: string): string[] {
  return SIDE_FILES.map((name) => join(folder, name)).filter((path) => existsSync(path));
}

function missingTower(root: string, config: ConfigBlock, towerName: string): UserError {
  const name = lastPart(towerName) || 'clip-vit-large-patch14-336';
  return new UserError(
    `${root} does not contain a CLIP vision tower; ${keyName(config, 'mm_vision_tower')} is ${JSON.stringify(towerName)}. ` +
      `Download ${towerName || name} (config.json and model.safetensors or pytorch_model.bin) and pass its folder with ` +
      `--clip-tower <folder>, or put it at ${join(root, name)}.`,
  );
}
