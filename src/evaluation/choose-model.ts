import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DownloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { explainFolder } from '../model/checkpoint/explain-no-weights.js';
import { looksLikeCheckpoint } from '../model/checkpoint/open-adapter.js';
import { exportModel } from '../model/export/export-model.js';
import { MODEL_FILES, type Model, openModel } from '../model/model-folder.js';
import { DEFAULT_PRECISION, type Precision } from '../model/precision.js';
import { defaultModelFolder } from '../shared/cache-folder.js';
import { usageError } from '../shared/errors.js';
import { didYouMean } from '../shared/known-names.js';
import { messageStream, say } from '../shared/log.js';
import { startByteProgress } from '../terminal/byte-progress.js';
import { isSampleModel, LLAVA_15_SAMPLE_MODEL, SAMPLE_MODEL, SAMPLE_MODEL_NAMES, sampleModel } from './sample.js';
import { warnSlowInt8 } from './warn-slow-int8.js';

/** A model as selected on the command line. */
export interface ModelChoice {
  /** Folder of an exported model or checkpoint, or a name in datasets.json (default: the embedded LLaVA-HR). */
  model?: string;
  /** Side of the square input in pixels (default: the training size). */
  resolution?: number;
  /** Precision of the export (default: fp32). An exported model must have it. */
  precision?: Precision;
  /** CLIP tower for a LLaVA-1.5 checkpoint that does not include it. */
  clipTower?: string;
  /** Base model of a LoRA adapter or a projector. */
  base?: string;
}

/**
 * Opens the selected model. If necessary, a named checkpoint is downloaded and a checkpoint is exported to the cache, with
 * progress on stderr.
 * @throws UserError if the model does not exist or cannot be downloaded or exported
 */
export async function chooseModel(choice: ModelChoice, downloads: DownloadsOnDemand): Promise<Model> {
  const { resolution, precision = DEFAULT_PRECISION } = choice;
  const { folder, name, clipTower } = await checkpointOf(choice, downloads);
  if (existsSync(join(folder, MODEL_FILES.manifest))) {
    const model = await opened(folder, resolution);
    checkExported(model, choice);
    return model;
  }
  if (!looksLikeCheckpoint(folder)) {
    if (existsSync(folder)) {
      const nothing = `--model ${folder}: the folder contains neither an exported model (model.json) nor a checkpoint (config.json).`;
      const explanation = explainFolder(folder);
      throw usageError(explanation === null ? nothing : `${nothing} ${explanation}`);
    }
    const names = [...SAMPLE_MODEL_NAMES, ...(await downloads.open()).catalogue.models.map(({ name }) => name)];
    throw usageError(
      `--model ${folder}: neither a folder nor a known name.${didYouMean(folder, names)} Known names: ${names.join(', ')}.`,
    );
  }
  const output = await defaultModelFolder(folder, precision, name);
  if (!existsSync(join(output, MODEL_FILES.manifest))) {
    say('info', `Exporting ${name ?? basename(folder)} in ${precision} to ${output}`);
  }
  const resolutions = resolution === undefined ? [] : [resolution];
  const { update: onProgress, stop } = startByteProgress(messageStream());
  const onWait = (message: string): void => say('info', message);
  const options = {
    output,
    resolutions,
    precision,
    clipTower,
    base: choice.base,
    name,
    replace: true,
    onProgress,
    onWait,
  };
  const { outcome, notes, warnings } = await exportModel(folder, options).finally(stop);
  for (const warning of warnings) say('warn', `${name ?? basename(folder)}: ${warning}`);
  // What was left out of the embedded models is no news to their users.
  const level = isSampleModel(folder) ? 'debug' : 'info';
  if (outcome === 'exported') for (const note of notes) say(level, `note: ${note}`);
  return opened(output, resolution);
}

/** @throws UserError (usage) for a choice that only an export could follow */
function checkExported({ folder, manifest }: Model, { precision, clipTower, base }: ModelChoice): void {
  const advice = 'or give the checkpoint that it was exported from.';
  if (precision !== undefined && precision !== manifest.precision) {
    throw usageError(`${folder} is exported in ${manifest.precision}: leave out --precision ${precision}, ${advice}`);
  }
  for (const [option, value] of Object.entries({ '--clip-tower': clipTower, '--base': base })) {
    if (value !== undefined) throw usageError(`${folder} is exported already: leave out ${option} ${value}, ${advice}`);
  }
}

async function opened(folder: string, resolution: number | undefined): Promise<Model> {
  const model = await openModel(folder, resolution);
  await warnSlowInt8(model);
  return model;
}

interface NamedFolder {
  folder: string;
  /** Name of the model (default: the folder's name). */
  name?: string;
  clipTower?: string;
}

async function checkpointOf({ model, clipTower }: ModelChoice, downloads: DownloadsOnDemand): Promise<NamedFolder> {
  if (model === undefined) return { folder: SAMPLE_MODEL, clipTower };
  if (existsSync(model)) return { folder: model, clipTower };
  const embedded = sampleModel(model);
  if (embedded !== null) return { folder: embedded, clipTower };
  const downloaded = await (await downloads.open()).namedModel(model);
  if (!downloaded) return { folder: model };
  return { ...downloaded, clipTower: clipTower ?? downloaded.clipTower };
}

/** Alias for the LLaVA-1.5 of the same size as another model. */
export const LLAVA_15 = 'llava-1.5';

/** Hidden size of the decoder of each released LLaVA-1.5. */
const LLAVA_15_BY_HIDDEN_SIZE: Record<number, string> = { 4096: 'llava-1.5-7b', 5120: 'llava-1.5-13b' };

/**
 * The LLaVA-1.5 to compare a model with: the one of the same decoder size, or the embedded one for the embedded LLaVA-HR.
 * @returns a name or folder for `chooseModel`
 * @throws UserError (usage) if no LLaVA-1.5 of that size was released
 */
export function llava15Beside({ manifest }: Model): string {
  const { hiddenSize } = manifest.architecture.language;
  if (manifest.name === basename(SAMPLE_MODEL)) return LLAVA_15_SAMPLE_MODEL;
  const name = LLAVA_15_BY_HIDDEN_SIZE[hiddenSize];
  if (name) return name;
  throw usageError(
    `No released LLaVA-1.5 has the decoder size of ${manifest.name} (hidden size ${hiddenSize}). Give a model in place of llava-1.5.`,
  );
}
