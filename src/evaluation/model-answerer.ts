import { freemem } from 'node:os';
import { type ConvMode, OFFICIAL_CONV_MODE } from '../model/conversation.js';
import { squaresPerImage } from '../model/inference/batch-memory.js';
import { startEnergyMeter } from '../model/inference/energy-meter.js';
import type { Inference } from '../model/inference/inference.js';
import { type Model, modelConvMode, modelHash, PREPROCESSING_VERSION } from '../model/model-folder.js';
import { TRAINED_RESOLUTION } from '../results/runs/run-record.js';
import { logEvent } from '../shared/log.js';
import { takeInParallel } from '../shared/parallel.js';
import { answerBatch, type BatchWork } from './answer-batch.js';
import type { Answerer, AnswererIdentity, AnswerWork } from './answerer.js';
import { batchLimits, rememberLimit } from './batch-limits.js';
import type { ModelSession } from './model-session.js';
import { type BatchLimits, groupByImage, openBatchQueue } from './plan-batches.js';
import type { BatchSources } from './prepare-batch.js';
import { rowTokens } from './row-tokens.js';

/** Batches in flight per device: one running, one waiting for the device, one being prepared or written. */
const LANES_PER_WORKER = 3;
/** Share of free memory for the pixels of batches in flight. */
const PIXELS_SHARE = 1 / 8;

export interface ModelAnswererOptions {
  batchSize: number | 'auto';
  /** Conversation template (default: the model's own). */
  convMode?: ConvMode | undefined;
}

/** A model on devices of this machine answers, batch by batch. Closing it closes the session. */
export function modelAnswerer(session: ModelSession, { batchSize, ...options }: ModelAnswererOptions): Answerer {
  const { model, tokenizer, devices, threads } = session;
  const convMode = options.convMode ?? modelConvMode(model);
  const identity = identityOfModel(model, devices[0]!.provider, convMode);
  return {
    identity,
    settings: {
      batchSize,
      threads,
      workers: devices.length,
      reproducible: devices[0]!.provider === 'cpu', // identical answers at any batch size
      [TRAINED_RESOLUTION]: model.manifest.architecture.inputImageSize,
    },
    visualTokens: model.vision.visualTokens,
    async answer(work) {
      const limits = await batchLimits(session, batchSize, work.benchmark.maxNewTokens);
      const { rows, tokens, bytes } = limits;
      logEvent('info', 'batch-size', { asked: batchSize, rows, tokens, bytes });
      const sources = { model, tokenizer, convMode, imageThreads: session.imageThreads() };
      const by = { identity, sources, limits, workers: devices.length, inference: session.inference };
      const shrunkTo = await answerByModel(work, by);
      if (shrunkTo !== null) await rememberLimit(session, shrunkTo);
    },
    startEnergyMeter: () =>
      startEnergyMeter(devices.flatMap(({ provider, index }) => (provider === 'cuda' ? [index] : []))),
    close: session.close,
  };
}

/** What identifies answers of a model. @param device kind of device: cpu, cuda or webgpu */
export function identityOfModel({ manifest, vision }: Model, device: string, convMode: ConvMode): AnswererIdentity {
  return {
    model: {
      name: manifest.name,
      family: manifest.architecture.family,
      resolution: vision.resolution,
      precision: manifest.precision,
      weightsHash: modelHash(manifest),
      graphVersion: manifest.graphVersion,
    },
    device,
    preprocessingVersion: PREPROCESSING_VERSION,
    generation: { method: 'greedy', ...(convMode !== OFFICIAL_CONV_MODE && { convMode }) },
  };
}

export interface ModelWork {
  identity: AnswererIdentity;
  sources: Omit<BatchSources, 'images' | 'systemPrompt' | 'noteImage'>;
  limits: BatchLimits;
  /** Batches that run at the same time: one per device. */
  workers: number;
  /** Loads the model. */
  inference: () => Promise<Inference>;
}

/**
 * Answers questions batch by batch. While the model runs a batch, the next ones are prepared and the previous answers are
 * written.
 * @returns estimated bytes that batches were limited to after running out of memory; otherwise null
 */
export async function answerByModel(work: AnswerWork, by: ModelWork): Promise<number | null> {
  const { benchmark, questions, signal } = work;
  const { identity, limits, workers } = by;
  const { images, systemPrompt } = benchmark;
  const sources = { ...by.sources, images, systemPrompt, noteImage: work.noteImage };
  const queue = openBatchQueue(groupByImage(questions), rowTokens(sources, questions), limits);
  const inference = by.inference();
  inference.then(
    ({ peakMemoryBytes }) => work.onReady(peakMemoryBytes),
    () => undefined, // reported by the batch that needs the model
  );
  let shrunkTo: number | null = null;
  const batchWork: BatchWork = {
    maker: { benchmark, identity },
    ...{ sources, queue, inference, workers, signal, started: 0, record: work.record },
    onOutOfMemory(batch) {
      shrunkTo = queue.shrink(batch);
      const rows = batch.groups.length;
      logEvent('info', 'out-of-memory', { images: rows, bytes: shrunkTo });
      if (rows > 1) work.log(`Out of memory with ${rows} images per batch. Continuing with smaller batches.`);
    },
  };
  const next = () => (signal.aborted ? undefined : queue.take());
  await takeInParallel(next, laneCount(by), (batch) => answerBatch(batchWork, batch));
  return shrunkTo;
}

/** Batches in flight: as many as fit into memory, but at least one per device. */
function laneCount({ workers, limits, sources }: ModelWork): number {
  const { manifest, vision } = sources.model;
  const pixelBytes = limits.rows * squaresPerImage(manifest.architecture) * vision.resolution ** 2 * 3;
  const room = Math.floor((PIXELS_SHARE * freemem()) / pixelBytes);
  return Math.min(LANES_PER_WORKER * workers, Math.max(workers, room));
}
