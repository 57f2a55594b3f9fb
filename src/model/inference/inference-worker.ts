import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../shared/errors.js';
import { peakMemoryBytes } from '../../shared/peak-memory.js';
import { InferenceSession, Tensor } from '../onnxruntime.js';
import { computePrefix, generateTokens } from './generate-tokens.js';
import { type PackedPrompts, type PromptRow, packPrompts } from './pack-prompts.js';
import type { Batch, BatchResult, LoadSessions, ModelSizes, WorkerRequest, WorkerResponse } from './protocol.js';
import { sessionOptions } from './session-options.js';

/*
 * The thread that owns the sessions. onnxruntime-node's `session.run` blocks the calling JavaScript thread, so the main
 * thread, which decodes images, writes results and draws progress, must not call it.
 */

interface LoadedModel {
  vision: InferenceSession;
  generate: InferenceSession;
  sizes: ModelSizes;
}

let model: LoadedModel | undefined;
let queue = Promise.resolve();

parentPort?.on('message', (request: WorkerRequest<LoadSessions>) => {
  queue = queue.then(async () => {
    const response = await answer(request);
    const transfer = response.kind === 'result' ? [response.result.visual.buffer as ArrayBuffer] : [];
    parentPort!.postMessage(response, transfer);
  });
});

async function answer(request: WorkerRequest<LoadSessions>): Promise<WorkerResponse> {
  const { id } = request;
  try {
    if (request.kind === 'load') return { kind: 'loaded', id, loadMs: await load(request) };
    return { kind: 'result', id, result: await run(request.batch), peakMemoryBytes: peakMemoryBytes() };
  } catch (error) {
    return { kind: 'failure', id, message: messageOf(error) };
  }
}

/** @returns milliseconds */
async function load({ visionPath, generatePath, device, threads, keepsFreed, sizes }: LoadSessions): Promise<number> {
  const start = performance.now();
  const options = await sessionOptions(device, threads, keepsFreed);
  const vision = await InferenceSession.create(visionPath, options);
  const generate = await InferenceSession.create(generatePath, options);
  model = { vision, generate, sizes };
  return performance.now() - start;
}

async function run({ pixels, rows, maxNewTokens, minSteps, timePrefill, keepVisual }: Batch): Promise<BatchResult> {
  if (!model) throw new Error('the model is not loaded');
  const { sizes } = model;
  const visionStart = performance.now();
  const visual = await encodeImages(model, pixels);
  const visionMs = performance.now() - visionStart;

  const packed = packPrompts(rows, sizes.squareTokens, visual.length / sizes.hiddenSize - 1);
  const prefixStart = performance.now();
  const prefix = await computePrefix(model.generate, sizes, packed, visual);
  const prefixMs = performance.now() - prefixStart;
  const generate = async (newTokens: number, steps?: number) => {
    const start = performance.now();
    const made = await generateTokens(model!.generate, sizes, packed, visual, prefix, newTokens, steps);
    return {
      tokens: dataOf<BigInt64Array>(made['tokens']),
      topLogits: dataOf<Float32Array>(made['top_logits']),
      ms: performance.now() - start,
    };
  };
  const { tokens, topLogits, ms } = await generate(maxNewTokens, minSteps);
  // Timed after the full run, so that the extra cost of the first run with a new shape is not counted as prefill.
  const firstStepMs = timePrefill ? (await generate(1)).ms : null;
  return {
    ...readAnswers(rows, packed, tokens, topLogits, sizes.endTokens),
    visual: keepVisual ? visual : new Float32Array(),
    steps: tokens.length / (packed.rows * packed.questions),
    promptTokens: packed.segments.reduce((count, segment) => count + (segment >= 0n ? 1 : 0), packed.prefixIds.length),
    visionMs,
    generateMs: prefixMs + ms,
    prefillMs: firstStepMs === null ? null : prefixMs + firstStepMs,
  };
}

/** Visual tokens of pixels: [squares, resolution, resolution, 3] -> [squares, tokens, hidden]; empty without images. */
async function encodeImages({ vision, sizes }: LoadedModel, pixels: Uint8Array): Promise<Float32Array> {
  if (pixels.length === 0) return new Float32Array();
  const side = sizes.resolution;
  const images = pixels.length / (side * side * 3);
  const feeds = { pixels: new Tensor('uint8', pixels, [images, side, side, 3]) };
  const { visual_tokens } = await vision.run(feeds);
  return visual_tokens!.data as Float32Array;
}

function dataOf<T>(tensor: Tensor | undefined): T {
  return tensor!.data as T;
}

/** Extracts each question's tokens up to the end of sequence from [steps, rows, questions]. */
function readAnswers(
  rows: readonly PromptRow[],
  packed: PackedPrompts,
  tokens: BigInt64Array,
  topLogits: Float32Array,
  endTokens: readonly number[],
): Pick<BatchResult, 'tokens' | 'firstLogits' | 'finite'> {
  const stride = packed.rows * packed.questions;
  const isEnd = (at: number): boolean => endTokens.includes(Number(tokens[at]));
  const answer = (slot: number): number[] => {
    const ids: number[] = [];
    for (let at = slot; at < tokens.length && !isEnd(at); at += stride) ids.push(Number(tokens[at]));
    return ids;
  };
  const allFinite = (slot: number): boolean => {
    for (let at = slot; at < tokens.length; at += stride) {
      if (!Number.isFinite(topLogits[at]!)) return false;
      if (isEnd(at)) break;
    }
    return true;
  };
  const slotsOf = (row: number): number[] => rows[row]!.prompts.map((_, question) => row * packed.questions + question);
  return {
    tokens: rows.map((_, row) => slotsOf(row).map(answer)),
    firstLogits: rows.map((_, row) => slotsOf(row).map((slot) => topLogits[slot]!)),
    finite: rows.map((_, row) => slotsOf(row).map(allFinite)),
  };
}
