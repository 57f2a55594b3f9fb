import { max, min } from 'simple-statistics';
import { PADDING_SEGMENT } from '../export/generate-graph.js';
import { NEWLINE, type TileOrder } from '../images/tiles.js';
import { IMAGE_TOKEN } from '../prompt.js';

/** The prompts of one row: token ids, with IMAGE_TOKEN in place of the row's image; all share the prefix up to there. */
export interface PromptRow {
  /** Index of the row's image, or of its first tile, among the batch's squares; null for questions without an image. */
  image: number | null;
  /** Order of the visual tokens of an image's tiles; absent: those of its square. */
  order?: TileOrder | undefined;
  prompts: readonly (readonly number[])[];
}

/** Inputs of the generation graph; documented at buildGenerateGraph. */
export interface PackedPrompts {
  rows: number;
  /** Leading tokens that all questions of a row share; the same number in every row. */
  prefixLength: number;
  /** [rows, prefixLength], positions from 0 up. */
  prefixIds: BigInt64Array;
  /** Tokens after the prefix in the longest row. */
  length: number;
  /** Questions in the fullest row. */
  questions: number;
  inputIds: BigInt64Array;
  positions: BigInt64Array;
  segments: BigInt64Array;
  lastPositions: BigInt64Array;
  questionSegments: BigInt64Array;
}

/**
 * Packs each row's prompts: their shared tokens once (the prefix, and what is left of them in rows that share more), then
 * the rest of each prompt as its own segment.
 * @param squareTokens visual tokens per square
 * @param newline index of the visual token that ends a row of tiles; of no meaning without tiles
 */
export function packPrompts(rows: readonly PromptRow[], squareTokens: number, newline: number): PackedPrompts {
  const expanded = rows.map((row) => {
    const image = row.image === null ? null : visualIds(row.image * squareTokens, row.order ?? squareTokens, newline);
    return row.prompts.map((prompt) => expandImage(prompt, image));
  });
  const shared = expanded.map(sharedPrefixLength);
  const prefixLength = min(shared);
  const lengths = expanded.map((prompts, row) =>
    prompts.reduce((sum, prompt) => sum + prompt.length - shared[row]!, shared[row]! - prefixLength),
  );
  const length = max(lengths);
  const questions = max(rows.map(({ prompts }) => prompts.length));

  const cells = rows.length * length;
  const slots = rows.length * questions;
  const packed: PackedPrompts = {
    rows: rows.length,
    prefixLength,
    prefixIds: BigInt64Array.from(
      expanded.flatMap(([prompt]) => prompt!.slice(0, prefixLength)),
      BigInt,
    ),
    length,
    questions,
    inputIds: new BigInt64Array(cells),
    positions: new BigInt64Array(cells),
    segments: new BigInt64Array(cells).fill(BigInt(PADDING_SEGMENT)),
    lastPositions: new BigInt64Array(slots),
    questionSegments: new BigInt64Array(slots).fill(BigInt(PADDING_SEGMENT)),
  };
  expanded.forEach((prompts, row) => {
    let next = row * length;
    const write = (ids: readonly number[], firstPosition: number, segment: number): void => {
      ids.forEach((id, i) => {
        packed.inputIds[next] = BigInt(id);
        packed.positions[next] = BigInt(firstPosition + i);
        packed.segments[next] = BigInt(segment);
        next++;
      });
    };
    write(prompts[0]!.slice(prefixLength, shared[row]), prefixLength, 0);
    prompts.forEach((prompt, question) => {
      write(prompt.slice(shared[row]), shared[row]!, question + 1);
      packed.lastPositions[row * questions + question] = BigInt(next - 1 - row * length);
      packed.questionSegments[row * questions + question] = BigInt(question + 1);
    });
  });
  return packed;
}

/** Length of a prompt in tokens, including its visual tokens. */
export function promptLength(prompt: readonly number[], visualTokens: number): number {
  return prompt.reduce((length, id) => length + (id === IMAGE_TOKEN ? visualTokens : 1), 0);
}

/**
 * The ids of an image's visual tokens, -1 - k for visual token k of the batch.
 * @param first index of the first token of the image's squares
 * @param order the tokens' order, or their number if they follow each other
 */
function visualIds(first: number, order: TileOrder | number, newline: number): number[] {
  if (typeof order === 'number') return Array.from({ length: order }, (_, k) => -1 - (first + k));
  return Array.from(order, (k) => -1 - (k === NEWLINE ? newline : first + k));
}

/** Replaces IMAGE_TOKEN by the ids of the image's visual tokens. */
function expandImage(prompt: readonly number[], image: readonly number[] | null): number[] {
  return prompt.flatMap((id) => {
    if (id !== IMAGE_TOKEN) return [id];
    if (image === null) throw new Error('a prompt with an image token needs a row with an image');
    return image;
  });
}

/** Number of leading tokens common to all prompts, leaving at least one token of each. */
function sharedPrefixLength(prompts: readonly (readonly number[])[]): number {
  const limit = min(prompts.map(({ length }) => length)) - 1;
  let length = 0;
  while (length < limit && prompts.every((prompt) => prompt[length] === prompts[0]![length])) length++;
  return length;
}
