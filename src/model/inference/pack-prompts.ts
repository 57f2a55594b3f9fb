import { max, min } from 'simple-statistics';
import { PADDING_SEGMENT } from '../export/generate-graph.js';
import { IMAGE_TOKEN } from '../prompt.js';

/** The prompts of one row: token ids, with IMAGE_TOKEN in place of the row's image; all share the prefix up to there. */
export interface PromptRow {
  /** Index of the row's image in the batch's visual tokens; null for questions without an image. */
  image: number | null;
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
 * @param visualTokens tokens per image
 */
export function packPrompts(rows: readonly PromptRow[], visualTokens: number): PackedPrompts {
  const expanded = rows.map((row) => row.prompts.map((prompt) => expandImage(prompt, row.image, visualTokens)));
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

/** Replaces IMAGE_TOKEN by the ids of the image's visual tokens, -1 - k for visual token k of the batch. */
function expandImage(prompt: readonly number[], image: number | null, visualTokens: number): number[] {
  return prompt.flatMap((id) => {
    if (id !== IMAGE_TOKEN) return [id];
    if (image === null) throw new Error('a prompt with an image token needs a row with an image');
    return Array.from({ length: visualTokens }, (_, k) => -1 - (image * visualTokens + k));
  });
}

/** Number of leading tokens common to all prompts, leaving at least one token of each. */
function sharedPrefixLength(prompts: readonly (readonly number[])[]): number {
  const limit = min(prompts.map(({ length }) => length)) - 1;
  let length = 0;
  while (length < limit && prompts.every((prompt) => prompt[length] === prompts[0]![length])) length++;
  return length;
}
