import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { checkDiskSpace } from '../../shared/disk-space.js';
import { usageError } from '../../shared/errors.js';
import { sha256OfFile } from '../../shared/file-hash.js';
import { type Ownership, replaceFile, writeJson } from '../../shared/json-file.js';
import { VERSION } from '../../shared/version.js';
import type { Architecture } from '../architecture.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { openCheckpoint } from '../checkpoint/open-checkpoint.js';
import { decoderPositions, fitsDecoder } from '../context-length.js';
import type { ModelManifest, SourceFile, VisionGraphEntry } from '../manifest.js';
import {
  cudaName,
  GRAPH_VERSION,
  MODEL_FILES,
  portableName,
  readManifest,
  TOKENIZER_FILES,
  visionGraphName,
} from '../model-folder.js';
import { encodeModel } from '../onnx/onnx-proto.js';
import { type Int8StorageType, isQuantised, type Precision } from '../precision.js';
import { checkTokenizer } from './check-tokenizer.js';
import { findWeightProblem, WeightError, weightProblemError } from './check-weights.js';
import { toFloat32Values } from './convert-elements.js';
import { type ExportFolder, openExportFolder, removeAbandonedExport } from './export-folder.js';
import { buildGenerateGraph, type PrefixSource } from './generate-graph.js';
import { buildVisionGraph } from './vision-graph.js';
import { visionSizes } from './vision-sizes.js';
import { isLaidOutAs, planWeights, positionTableName, type WeightPlan, writeWeights } from './weight-files.js';

export interface ExportOptions {
  /** Folder of the exported model. */
  output: string;
  /** Input sizes in pixels (default, when empty: the size the checkpoint was trained at). */
  resolutions: readonly number[];
  precision: Precision;
  /** Storage type of int8 weights (default: the one this processor multiplies fastest). */
  int8Storage?: Int8StorageType;
  /** The model's name in tables (default: the checkpoint folder's name). */
  name?: string;
  /** Replace a model of another checkpoint or precision instead of throwing; for folders in our own cache. */
  replace?: boolean;
  /** Folder of the CLIP tower, for LLaVA-1.5 checkpoints that do not include it. */
  clipTower?: string;
  /** Folder of the base model, for LoRA adapters and projectors. */
  base?: string;
  onProgress?: (progress: ExportProgress) => void;
  /** Called before waiting for another process that exports to the same folder. */
  onWait?: (message: string) => void;
}

export interface ExportProgress {
  stage: 'hashing' | 'writing';
  doneBytes: number;
  totalBytes: number;
}

export interface ExportResult {
  manifest: ModelManifest;
  /** `extended`: the weights existed already; graphs for more resolutions were added. */
  outcome: 'exported' | 'extended' | 'unchanged';
  /** Bytes of weights written. */
  writtenBytes: number;
  notes: readonly string[];
  /** What may make the model another one than the user expects. */
  warnings: readonly string[];
}

/**
 * Exports a checkpoint as a model folder: weight files, one vision graph per resolution, the generation graph, the
 * tokenizer and model.json. The folder gets its final name only when it is complete. Repeating an export changes nothing;
 * new resolutions add graphs to the existing ones; an interrupted export resumes.
 * @throws UserError for a checkpoint or resolution that cannot be exported, and when `output` contains something else
 */
export async function exportModel(checkpointFolder: string, options: ExportOptions): Promise<ExportResult> {
  const checkpoint = await openCheckpoint(checkpointFolder, {
    clipFolder: options.clipTower,
    baseFolder: options.base,
  });
  try {
    const { note, warning, convMode } = await checkTokenizer(checkpoint);
    const source = await hashSource(checkpoint, await readManifest(resolve(options.output)), options.onProgress);
    const result = await exportCheckpoint(
      { ...checkpoint, convMode: convMode ?? checkpoint.convMode },
      source,
      options,
    );
    const notes = note === undefined ? result.notes : [...result.notes, note];
    return { ...result, notes, warnings: warning === undefined ? result.warnings : [...result.warnings, warning] };
  } finally {
    await checkpoint.close();
  }
}

/**
 * `exportModel` for an open checkpoint.
 * @param source the files the checkpoint was read from; exports with the same source files are the same model
 */
export async function exportCheckpoint(
  checkpoint: Checkpoint,
  source: SourceFile[],
  options: ExportOptions,
): Promise<ExportResult> {
  const output = resolve(options.output);
  const { architecture } = checkpoint;
  const resolutions = options.resolutions.length > 0 ? options.resolutions : [architecture.inputImageSize];
  for (const resolution of resolutions) checkResolution(architecture, resolution);
  const finished = await finishedExport(checkpoint, source, output, resolutions, options);
  if (finished) {
    await removeAbandonedExport(output, options.onWait);
    return finished;
  }
  const folder = await openExportFolder(output, options.onWait);
  try {
    // Another process, such as another task of a job array, may have exported the model meanwhile.
    const finished = await finishedExport(checkpoint, source, output, resolutions, options);
    return finished ?? (await exportOwned(checkpoint, source, folder, output, resolutions, options));
  } catch (error) {
    await folder.owner.check(); // else the new owner's renaming would look like a missing file
    throw error;
  } finally {
    await folder.close();
  }
}

/**
 * The existing export, if it lacks nothing.
 * @throws UserError (usage) if `output` has something else that is not to be replaced
 */
async function finishedExport(
  checkpoint: Checkpoint,
  source: readonly SourceFile[],
  output: string,
  resolutions: readonly number[],
  { precision, replace }: ExportOptions,
): Promise<ExportResult | null> {
  const existing = await readManifest(output);
  if (!existing) {
    await refuseOccupied(output);
    return null;
  }
  const difference = differenceOf(existing, source, precision);
  if (difference && !replace) throw usageError(`${output} ${difference}. Delete it or choose another --output.`);
  if (difference || !hasPlannedWeights(checkpoint.architecture, existing)) return null;
  const current = existing.graphVersion === GRAPH_VERSION;
  if (!current || missingResolutions(existing, resolutions).length > 0) return null;
  if (JSON.stringify(source) !== JSON.stringify(existing.source.files)) return null; // their times
  if (missingTokenizerFiles(checkpoint, output).length > 0) return null;
  const { notes, warnings } = checkpoint;
  return { manifest: existing, outcome: 'unchanged', writtenBytes: 0, notes, warnings };
}

/** Exports to a folder that no other process exports to. */
async function exportOwned(
  checkpoint: Checkpoint,
  source: SourceFile[],
  folder: ExportFolder,
  output: string,
  resolutions: readonly number[],
  options: ExportOptions,
): Promise<ExportResult> {
  const existing = await readManifest(output);
  if (!existing) return exportNew(checkpoint, source, folder, output, resolutions, options);
  const isSame = differenceOf(existing, source, options.precision) === null;
  if (isSame && hasPlannedWeights(checkpoint.architecture, existing)) {
    return extend(checkpoint, existing, source, folder.owner, output, resolutions);
  }
  await folder.owner.check();
  await rm(output, { recursive: true });
  // Where it is the same model, another version stored the weights otherwise: its files fit none of today's graphs.
  const kept = isSame ? existing.resolutions.map(({ resolution }) => resolution) : [];
  return exportNew(checkpoint, source, folder, output, [...kept, ...resolutions], options);
}

/** @throws UserError (usage) for a size that the official code rejects, or that has too many visual tokens */
function checkResolution(architecture: Architecture, resolution: number): void {
  const { visualTokens } = visionSizes(architecture, resolution);
  if (fitsDecoder(architecture, visualTokens)) return;
  throw usageError(
    `Resolution ${resolution} gives ${visualTokens} visual tokens, which leaves no room for a question and its answer ` +
      `in the decoder's ${decoderPositions(architecture.language)} positions. Choose a smaller resolution.`,
  );
}

/** Whether an exported model's weight files are laid out as they would be today. */
function hasPlannedWeights(architecture: Architecture, { precision, int8Storage, weights }: ModelManifest): boolean {
  return isLaidOutAs(planWeights(architecture, precision, int8Storage ?? 'int8'), weights);
}

async function exportNew(
  checkpoint: Checkpoint,
  source: SourceFile[],
  folder: ExportFolder,
  output: string,
  resolutions: readonly number[],
  options: ExportOptions,
): Promise<ExportResult> {
  const { architecture } = checkpoint;
  const int8Storage = options.int8Storage ?? (await int8StorageFor(options.precision));
  const plan = planWeights(architecture, options.precision, int8Storage);
  const table = positionTableName(architecture); // in the graphs, not in a weight file
  if (findWeightProblem(await checkpoint.read(table), checkpoint.tensor(table).dtype, false)) {
    throw await weightProblemError(checkpoint, [table, ...plan.tensors.keys()], table, options.precision);
  }
  const totalBytes = [...plan.files.values()].reduce((sum, bytes) => sum + bytes, 0);
  const partial = await folder.openPartial(identityOf(source, options.precision, plan));
  await checkDiskSpace(dirname(output), totalBytes - (await bytesIn(partial, plan)), 'The export');
  let doneBytes = 0;
  const hashes = await writeWeights(checkpoint, plan, partial, (bytes) => {
    doneBytes += bytes;
    options.onProgress?.({ stage: 'writing', doneBytes, totalBytes });
  }).catch(async (error) => {
    if (error instanceof WeightError) await rm(partial, { recursive: true }); // it would never be completed
    throw error;
  });
  await writeGenerateGraphs(checkpoint, plan, options.precision, partial);
  const entries = await writeVisionGraphs(checkpoint, plan, options.precision, partial, resolutions);
  await copyTokenizer(checkpoint, partial);
  const manifest: ModelManifest = {
    schemaVersion: 1,
    name: options.name ?? basename(resolve(checkpoint.folder)),
    architecture,
    precision: options.precision,
    ...(options.precision === 'int8' && { int8Storage }),
    ...(checkpoint.convMode && { convMode: checkpoint.convMode }),
    graphVersion: GRAPH_VERSION,
    resolutions: entries,
    weights: [...plan.files].map(([name, bytes]) => ({ name, bytes, sha256: hashes.get(name)! })),
    source: { layout: checkpoint.layout, files: source },
  };
  await writeFile(join(partial, MODEL_FILES.manifest), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  await folder.finish(partial);
  return {
    manifest,
    outcome: 'exported',
    writtenBytes: totalBytes,
    notes: checkpoint.notes,
    warnings: checkpoint.warnings,
  };
}

/** Copies the tokenizer's files, or those that the folder lacks. */
async function copyTokenizer(checkpoint: Checkpoint, folder: string): Promise<void> {
  for (const name of missingTokenizerFiles(checkpoint, folder)) {
    await copyFile(join(checkpoint.tokenizerFolder, name), join(folder, name));
  }
}

/** The checkpoint's tokenizer files that an exported model lacks. */
function missingTokenizerFiles({ files, tokenizerFolder }: Checkpoint, folder: string): string[] {
  return TOKENIZER_FILES.filter(
    (name) => files.includes(join(tokenizerFolder, name)) && !existsSync(join(folder, name)),
  );
}

async function int8StorageFor(precision: Precision): Promise<Int8StorageType> {
  // Imported here because it loads ONNX Runtime, which exports in other precisions do not need.
  return precision === 'int8' ? (await import('./fast-int8-storage.js')).fastInt8Storage() : 'int8';
}

/** Adds graphs for missing resolutions, or rewrites all graphs when the exporter has changed since. */
async function extend(
  checkpoint: Checkpoint,
  existing: ModelManifest,
  source: SourceFile[],
  owner: Ownership,
  output: string,
  resolutions: readonly number[],
): Promise<ExportResult> {
  await copyTokenizer(checkpoint, output); // earlier versions left out added_tokens.json
  const current = existing.graphVersion === GRAPH_VERSION;
  const kept = current ? existing.resolutions : [];
  const missing = missingResolutions({ ...existing, resolutions: kept }, [
    ...existing.resolutions.map(({ resolution }) => resolution),
    ...resolutions,
  ]);
  const plan = planWeights(checkpoint.architecture, existing.precision, existing.int8Storage ?? 'int8');
  if (!current) await writeGenerateGraphs(checkpoint, plan, existing.precision, output, owner);
  const added = await writeVisionGraphs(checkpoint, plan, existing.precision, output, missing, owner);
  const manifest: ModelManifest = {
    ...existing,
    architecture: checkpoint.architecture,
    ...(checkpoint.convMode && { convMode: checkpoint.convMode }),
    graphVersion: GRAPH_VERSION,
    resolutions: [...kept, ...added].sort((a, b) => a.resolution - b.resolution),
    source: { layout: checkpoint.layout, files: source },
  };
  await writeJson(join(output, MODEL_FILES.manifest), manifest, 2, owner);
  const outcome = missing.length === 0 ? 'unchanged' : 'extended';
  return { manifest, outcome, writtenBytes: 0, notes: checkpoint.notes, warnings: checkpoint.warnings };
}

async function writeVisionGraphs(
  checkpoint: Checkpoint,
  plan: WeightPlan,
  precision: Precision,
  folder: string,
  resolutions: readonly number[],
  owner?: Ownership,
): Promise<VisionGraphEntry[]> {
  const tableName = positionTableName(checkpoint.architecture);
  const table = toFloat32Values(await checkpoint.read(tableName), checkpoint.tensor(tableName).dtype);
  const entries: VisionGraphEntry[] = [];
  for (const resolution of [...new Set(resolutions)].sort((a, b) => a - b)) {
    const sizes = visionSizes(checkpoint.architecture, resolution);
    const graph = visionGraphName(resolution);
    const write = (name: string, portable: boolean): Promise<void> => {
      const built = buildVisionGraph(checkpoint.architecture, sizes, plan.locations, table, precision, { portable });
      return writeModel(join(folder, name), encodeModel(built, VERSION), owner);
    };
    await write(graph, false);
    if (!isQuantised(precision)) await write(portableName(graph), true);
    entries.push({ resolution, visualTokens: sizes.visualTokens, graph });
  }
  return entries;
}

async function writeGenerateGraphs(
  { architecture }: Checkpoint,
  plan: WeightPlan,
  precision: Precision,
  folder: string,
  owner?: Ownership,
): Promise<void> {
  const write = async (name: string, portable: boolean, prefix: PrefixSource): Promise<void> => {
    const graph = buildGenerateGraph(architecture.language, plan.locations, precision, {
      portable,
      prefix,
      logits: false,
    });
    await writeModel(join(folder, name), encodeModel(graph, VERSION), owner);
  };
  await write(MODEL_FILES.generate, false, 'given');
  if (isQuantised(precision)) return; // runs on the CPU only
  await write(cudaName(MODEL_FILES.generate), false, 'computed');
  await write(portableName(MODEL_FILES.generate), true, 'computed');
}

function writeModel(path: string, model: Uint8Array, owner?: Ownership): Promise<void> {
  return replaceFile(path, (file) => file.writeFile(model), owner);
}

/** sha256 of every source file; files with unchanged size and modification time reuse the recorded hash. */
async function hashSource(
  checkpoint: Checkpoint,
  existing: ModelManifest | null,
  onProgress: ExportOptions['onProgress'],
): Promise<SourceFile[]> {
  const known = new Map(existing?.source.files.map((file) => [file.name, file]));
  const stats = await Promise.all(checkpoint.files.map(async (path) => ({ path, stats: await stat(path) })));
  const totalBytes = stats.reduce((sum, { stats: { size } }) => sum + size, 0);
  let doneBytes = 0;
  const files: SourceFile[] = [];
  for (const {
    path,
    stats: { size, mtimeMs },
  } of stats) {
    const name = relative(checkpoint.folder, path);
    const before = known.get(name);
    const unchanged = before && before.bytes === size && before.modifiedMs === mtimeMs;
    const sha256 = unchanged
      ? before.sha256
      : await sha256OfFile(path, (bytes) => {
          doneBytes += bytes;
          onProgress?.({ stage: 'hashing', doneBytes, totalBytes });
        });
    files.push({ name, bytes: size, modifiedMs: mtimeMs, sha256 });
  }
  return files;
}

/** How an existing model folder differs from an export of these sources, or null when it matches. */
function differenceOf(existing: ModelManifest, source: readonly SourceFile[], precision: Precision): string | null {
  if (existing.precision !== precision) return `contains a model in ${existing.precision}, not ${precision}`;
  const known = new Map(existing.source.files.map(({ name, sha256 }) => [name, sha256]));
  const changed = source.find(({ name, sha256 }) => known.get(name) !== sha256);
  if (changed) return `was exported from a different checkpoint: ${changed.name} differs`;
  return known.size === source.length ? null : 'was exported from a checkpoint with different files';
}

/** Hash that tells whether an unfinished folder belongs to the same export. */
function identityOf(source: readonly SourceFile[], precision: Precision, plan: WeightPlan): string {
  const hash = createHash('sha256').update(precision);
  for (const { name, sha256 } of source) hash.update(`${name} ${sha256}\n`);
  return hash.update(JSON.stringify([...plan.locations])).digest('hex');
}

/** Bytes of the planned files that already exist. */
async function bytesIn(folder: string, plan: WeightPlan): Promise<number> {
  const sizes = [...plan.files.keys()].map((name) =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** The resolutions without a graph, each once. */
function missingResolutions(existing: ModelManifest, resolutions: readonly number[]): number[] {
  const present = new Set(existing.resolutions.map(({ resolution }) => resolution));
  return [...new Set(resolutions)].filter((resolution) => !present.has(resolution));
}

async function refuseOccupied(output: string): Promise<void> {
  const entries = await readdir(output).catch(() => [] as string[]);
  if (entries.length > 0) {
    throw usageError(`${output} exists but is not an exported model. Choose another --output.`);
  }
}
