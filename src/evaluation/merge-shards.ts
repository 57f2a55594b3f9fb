import { join } from 'node:path';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { type ImageHash, openImageHashes, readImageHashes } from '../results/runs/image-hashes.js';
import { openBatchTimings, readBatchTimings } from '../results/runs/latency.js';
import { loadRun, type RunResult } from '../results/runs/load-run.js';
import { openPredictions, type Prediction, readPredictions } from '../results/runs/predictions.js';
import type { ShardRun } from '../results/runs/read-shards.js';
import { openRun, RUN_FILES, type Run } from '../results/runs/run-folder.js';
import type { RunIdentity } from '../results/runs/run-identity.js';
import { countOf } from '../shared/count-of.js';
import { UserError } from '../shared/errors.js';
import { scoreRun } from './score-run.js';

export interface MergeOptions {
  shards: readonly ShardRun[];
  /** Identity of the whole run. */
  identity: RunIdentity;
  /** The whole benchmark; its images are not needed. */
  benchmark: LoadedBenchmark;
  output: string;
  fresh: boolean;
  argv: readonly string[];
  stream: NodeJS.WriteStream;
}

/**
 * Merges the answers of all shards into the run folder that the run would have had without shards, and scores them. Times
 * are summed over the shards, as if one process had done all the work.
 * @returns `wasComplete` if the folder already existed with every answer
 * @throws UserError if a question was answered by no shard or by several, or the folder has a complete run of other answers
 */
export async function mergeShards(options: MergeOptions): Promise<{ result: RunResult; wasComplete: boolean }> {
  const { shards, identity, benchmark, output, fresh, argv, stream } = options;
  const predictions = await readAll(shards, benchmark);
  const images = await readImages(shards);

  const start = { argv, settings: {} };
  let opened = await openRun(output, identity, start, { fresh });
  if (opened.state === 'complete') {
    const result = await loadedOrNull(opened.folder);
    if (result?.metrics.failed === 0) {
      await checkSameAnswers(opened.folder, predictions);
      return { result, wasComplete: true };
    }
  } else if (opened.resumed) {
    await opened.run.close('interrupted');
  }
  if (opened.state === 'complete' || opened.resumed) {
    stream.write(`${opened.folder} contained an incomplete run. It is kept under another name.\n`);
    opened = await openRun(output, identity, start, { fresh: true });
    if (opened.state === 'complete') throw new Error('a new run cannot be complete');
  }
  const { run } = opened;
  let closed = false;
  try {
    await write(run, shards, predictions, images);
    run.adoptSessions(shards.flatMap(({ record }) => record.sessions));
    const { signal } = new AbortController(); // only a judge would take long enough to be stopped
    await scoreRun({ benchmark, judging: null, signal, stream }, run);
    await run.close('complete');
    closed = true;
  } finally {
    if (!closed) await run.close('interrupted');
  }
  return { result: await loadRun(run.folder), wasComplete: false };
}

/** @throws UserError when a complete run has other answers, such as those from before images of the shards were replaced */
async function checkSameAnswers(folder: string, predictions: readonly Prediction[]): Promise<void> {
  const keyOf = ({ answer_id, text }: Prediction): string => JSON.stringify([answer_id, text]);
  const there = await readPredictions(join(folder, RUN_FILES.predictions));
  const known = new Map(there.map((prediction) => [prediction.index, keyOf(prediction)]));
  const others = predictions.filter((prediction) => known.get(prediction.index) !== keyOf(prediction)).length;
  if (others === 0) return;
  throw new UserError(
    `${folder} is complete, but ${countOf(others, 'of its answers is', 'of its answers are')} not the shards': they were ` +
      'asked again since, or the run was not merged from them. Use --fresh to merge them; the run is kept under another name.',
  );
}

/** null when a file is missing or damaged. */
async function loadedOrNull(folder: string): Promise<RunResult | null> {
  try {
    return await loadRun(folder);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** Reads the answers of all shards. @throws UserError unless exactly one shard was asked each question */
async function readAll(shards: readonly ShardRun[], { questions }: LoadedBenchmark): Promise<Prediction[]> {
  const owners = new Map<number, ShardRun>();
  const problems: string[] = [];
  const predictions: Prediction[] = [];
  for (const shard of shards) {
    for (const prediction of await readPredictions(join(shard.folder, RUN_FILES.predictions))) {
      const owner = owners.get(prediction.index);
      if (prediction.index >= questions.length)
        problems.push(`${shard.folder} answers question ${prediction.index}, which does not exist`);
      else if (owner)
        problems.push(`question ${prediction.index} is answered in both ${owner.folder} and ${shard.folder}`);
      owners.set(prediction.index, shard);
      predictions.push(prediction);
    }
  }
  const missing = questions.map(({ index }) => index).filter((index) => !owners.has(index));
  if (missing.length > 0) problems.push(`no shard answers question ${shown(missing.map(String), ', ')}`);
  if (problems.length === 0) return predictions;
  throw new UserError(
    `The shards do not form a complete run:\n  ${shown(problems, '\n  ')}\nRerun the eval command of a shard to answer its missing questions.`,
  );
}

/**
 * What the images were, each once.
 * @throws UserError when two shards were asked about one image and its bytes were others
 */
async function readImages(shards: readonly ShardRun[]): Promise<ImageHash[]> {
  const known = new Map<string, { line: ImageHash; folder: string }>();
  for (const { folder } of shards) {
    for (const line of (await readImageHashes(join(folder, RUN_FILES.images))).values()) {
      const other = known.get(line.image);
      if (other && other.line.sha256 !== line.sha256) {
        throw new UserError(
          `${other.folder} and ${folder} were made from different images: ${line.image} is not the same file. Make both ` +
            'from the same images.',
        );
      }
      known.set(line.image, { line, folder });
    }
  }
  return [...known.values()].map(({ line }) => line);
}

const SHOWN = 10;

function shown(texts: readonly string[], separator: string): string {
  const more = texts.length > SHOWN ? [`and ${texts.length - SHOWN} more`] : [];
  return [...texts.slice(0, SHOWN), ...more].join(separator);
}

async function write(
  run: Run,
  shards: readonly ShardRun[],
  predictions: readonly Prediction[],
  hashes: readonly ImageHash[],
): Promise<void> {
  const file = await openPredictions(join(run.folder, RUN_FILES.predictions), run.owner);
  try {
    await file.append(predictions);
    await file.finish();
  } finally {
    await file.close();
  }
  const timings = await openBatchTimings(join(run.folder, RUN_FILES.batches), run.owner);
  try {
    for (const { folder } of shards) {
      await timings.append(await readBatchTimings(join(folder, RUN_FILES.batches)));
    }
  } finally {
    await timings.close();
  }
  const images = await openImageHashes(join(run.folder, RUN_FILES.images), new Map(), run.owner);
  try {
    await images.append(hashes);
  } finally {
    await images.close();
  }
}
