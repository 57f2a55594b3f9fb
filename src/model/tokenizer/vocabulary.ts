import { UserError } from '../../shared/errors.js';

/** The contents of a tokenizer file in either format: a BPE vocabulary like Llama's. */
export interface Vocabulary {
  /** Pieces by token id. A space is written ▁; bytes of characters without a piece are <0x00> to <0xFF>. */
  pieces: readonly string[];
  /** Pairs of pieces to merge, in order of priority. */
  merges: [string, string][];
  /** Pieces that are matched literally in a text, before any merging. */
  addedTokens: readonly AddedToken[];
}

export interface AddedToken {
  id: number;
  content: string;
  /** Left out of decoded text. */
  special: boolean;
}

/** A space inside a piece: U+2581. */
export const SPACE_MARK = '▁';

/** The piece of one byte. */
export function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** A UserError about a tokenizer file that is unlike Llama's. */
export function unsupported(path: string, problem: string): UserError {
  return new UserError(`${path}: ${problem}. Only Llama tokenizers (BPE with byte fallback) are supported.`);
}
