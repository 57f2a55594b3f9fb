import { QUERY_PARTS } from '../export/prefix-attention.js';

/** Tokens of every row that are computed together. */
export interface Part {
  start: number;
  length: number;
}

/** Three images of LLaVA-HR-7B at 1,024 px stay whole; LLaVA-1.5-7B at 1,022 px has 2 parts. */
const SCORE_BYTES = 2 ** 29;

/**
 * Cuts a batch's prefix into parts of about equal length, so that the attention scores that are held at once, float32
 * [rows, heads, part / QUERY_PARTS, prefix], stay within `scoreBytes`.
 */
export function prefixParts(
  { rows, prefixLength }: { rows: number; prefixLength: number },
  heads: number,
  scoreBytes = SCORE_BYTES,
): Part[] {
  const bytesPerToken = (4 * rows * heads * Math.max(1, prefixLength)) / QUERY_PARTS;
  const longest = Math.max(1, Math.floor(scoreBytes / bytesPerToken));
  const count = Math.ceil(prefixLength / longest);
  const startOf = (part: number): number => Math.round((part * prefixLength) / count);
  return Array.from({ length: count }, (_, part) => ({
    start: startOf(part),
    length: startOf(part + 1) - startOf(part),
  }));
}
