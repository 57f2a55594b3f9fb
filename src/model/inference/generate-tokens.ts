import { CACHE_NAMES } from '../export/generate-graph.js';
import { type InferenceSession, Tensor } from '../onnxruntime.js';
import type { PackedPrompts } from './pack-prompts.js';
import { type Part, prefixParts } from './prefix-parts.js';

/** What shapes the inputs of a generation graph. */
export interface DecoderSizes {
  layers: number;
  /** Heads of the queries. */
  heads: number;
  keyValueHeads: number;
  hiddenSize: number;
  /** Element type of keys and values. */
  float: 'float32' | 'float16';
}

/**
 * The prompts' common prefix as inputs of the generation graph: keys and values of each layer,
 * [rows, key-value heads, prefix, head size], or the ids, int64 [rows, prefix], where the graph computes them.
 */
export type Prefix = Record<string, Tensor>;

/** What one run of the graph computes beside the prefix. */
type NewTokens = Pick<
  PackedPrompts,
  'rows' | 'length' | 'questions' | 'inputIds' | 'positions' | 'segments' | 'lastPositions' | 'questionSegments'
>;

/**
 * Computes the prefix of a batch's prompts, for any number of `generateTokens` calls.
 * @param session of buildGenerateGraph
 * @param visual visual tokens of the batch's images, [visual, hiddenSize]; empty without images
 * @param scoreBytes of `prefixParts`
 */
export async function computePrefix(
  session: InferenceSession,
  sizes: DecoderSizes,
  packed: PackedPrompts,
  visual: Float32Array,
  scoreBytes?: number,
): Promise<Prefix> {
  const { rows, prefixLength, prefixIds } = packed;
  if (session.inputNames.includes('prefix_ids')) {
    if (prefixLength === 0) throw new Error('the prompts of a batch must begin alike');
    return { prefix_ids: new Tensor('int64', prefixIds, [rows, prefixLength]) };
  }
  const parts = prefixParts(packed, sizes.heads, scoreBytes);
  const cache = emptyCache(packed, sizes, parts.length > 1);
  for (const { start, length } of parts) {
    const cells = { ...packed, start, length };
    const feeds = newTokenFeeds(partOf(cells), visual, sizes.hiddenSize, 1, 0);
    const outputs = await session.run({ ...feeds, ...cache.feeds() }, newNames(sizes));
    cache.add(outputs, length);
  }
  return cache.feeds();
}

/**
 * Generates the answers of a batch.
 * @param prefix of `computePrefix` for the same prompts
 * @param minSteps minimum number of decode steps; tokens after the end of an answer are not part of it
 * @returns tokens and top_logits [steps, rows, questions], and what else the graph has but keys and values
 */
export async function generateTokens(
  session: InferenceSession,
  sizes: DecoderSizes,
  packed: PackedPrompts,
  visual: Float32Array,
  prefix: Prefix,
  maxNewTokens: number,
  minSteps = 0,
): Promise<Record<string, Tensor>> {
  const feeds = newTokenFeeds(packed, visual, sizes.hiddenSize, maxNewTokens, minSteps);
  const caches = new Set(newNames(sizes));
  const wanted = session.outputNames.filter((name) => !caches.has(name));
  return (await session.run({ ...feeds, ...prefix }, wanted)) as Record<string, Tensor>;
}

function newTokenFeeds(
  tokens: NewTokens,
  visual: Float32Array,
  hiddenSize: number,
  maxNewTokens: number,
  minSteps: number,
): Record<string, Tensor> {
  // Gather needs at least one row, even when no prompt has an image.
  const features = visual.length > 0 ? visual : new Float32Array(hiddenSize);
  const cells = [tokens.rows, tokens.length];
  const slots = [tokens.rows, tokens.questions];
  return {
    input_ids: new Tensor('int64', tokens.inputIds, cells),
    positions: new Tensor('int64', tokens.positions, cells),
    segments: new Tensor('int64', tokens.segments, cells),
    last_positions: new Tensor('int64', tokens.lastPositions, slots),
    question_segments: new Tensor('int64', tokens.questionSegments, slots),
    visual_tokens: new Tensor('float32', features, [features.length / hiddenSize, hiddenSize]),
    max_new_tokens: scalar(maxNewTokens),
    min_steps: scalar(minSteps),
  };
}

/** Tokens of the prefix as the new tokens of a run: one question per row, whose answer is discarded. */
function partOf(part: Pick<PackedPrompts, 'rows' | 'prefixLength' | 'prefixIds'> & Part): NewTokens {
  const { rows, prefixLength, prefixIds, start, length } = part;
  const inputIds = new BigInt64Array(rows * length);
  const positions = new BigInt64Array(rows * length);
  for (let row = 0; row < rows; row++) {
    const from = row * prefixLength + start;
    inputIds.set(prefixIds.subarray(from, from + length), row * length);
    for (let i = 0; i < length; i++) positions[row * length + i] = BigInt(start + i);
  }
  return {
    rows,
    length,
    questions: 1,
    inputIds,
    positions,
    segments: new BigInt64Array(rows * length),
    lastPositions: new BigInt64Array(rows).fill(BigInt(length - 1)),
    questionSegments: new BigInt64Array(rows),
  };
}

type Floats = Float32Array | Uint16Array;

/** Keys and values that grow part by part. */
interface GrowingCache {
  /** As inputs of the graph. */
  feeds(): Record<string, Tensor>;
  /** Appends the outputs of a run over `length` tokens per row. */
  add(outputs: InferenceSession.OnnxValueMapType, length: number): void;
}

/**
 * An empty cache for a batch's prefix.
 * @param grows there will be several parts: they are brought together in arrays of the whole length. Otherwise the
 *   outputs of the only run are the cache.
 */
function emptyCache({ rows, prefixLength }: PackedPrompts, sizes: DecoderSizes, grows: boolean): GrowingCache {
  const { layers, keyValueHeads: heads, float } = sizes;
  const headSize = sizes.hiddenSize / sizes.heads;
  const tensor = (data: Floats, tokens: number): Tensor =>
    new Tensor(float, data, [rows, heads, tokens, headSize]) as Tensor;
  const array = (tokens: number): Floats => {
    const size = rows * heads * tokens * headSize;
    return float === 'float32' ? new Float32Array(size) : new Uint16Array(size);
  };
  const whole = Array.from({ length: grows ? 2 * layers : 0 }, () => array(prefixLength));
  let filled = 0;
  let tensors = Array.from({ length: 2 * layers }, () => tensor(array(0), 0));
  return {
    feeds() {
      const entries = tensors.map((value, i) => [cachedName(i), value] as const);
      return Object.fromEntries(entries);
    },
    add(outputs, length) {
      const before = filled;
      filled += length;
      tensors = tensors.map((_, i) => {
        const added = outputs[newName(i)] as Tensor;
        if (!grows) return added;
        append(whole[i]!, rows * heads, before * headSize, added.data as Floats, length * headSize);
        return tensor(whole[i]!.subarray(0, rows * heads * filled * headSize) as Floats, filled);
      });
    },
  };
}

/**
 * Appends to each of `blocks` blocks that lie one after the other, `size` elements long, the `addedSize` elements of its
 * block in `added`. Blocks are moved apart from the last one down, so that none is overwritten before it was moved.
 */
function append(target: Floats, blocks: number, size: number, added: Floats, addedSize: number): void {
  for (let block = blocks - 1; block >= 0; block--) {
    const at = block * (size + addedSize);
    target.copyWithin(at, block * size, (block + 1) * size);
    target.set(added.subarray(block * addedSize, (block + 1) * addedSize), at + size);
  }
}

/** Names by index: keys and values of a layer take turns. */
function cachedName(index: number): string {
  return (index % 2 === 0 ? CACHE_NAMES.cachedKey : CACHE_NAMES.cachedValue)(Math.floor(index / 2));
}

function newName(index: number): string {
  return (index % 2 === 0 ? CACHE_NAMES.newKey : CACHE_NAMES.newValue)(Math.floor(index / 2));
}

function newNames({ layers }: DecoderSizes): string[] {
  return Array.from({ length: 2 * layers }, (_, index) => newName(index));
}

function scalar(value: number): Tensor {
  return new Tensor('int64', BigInt64Array.of(BigInt(value)), []);
}
