import { UserError } from '../../shared/errors.js';

/** What a tokenizer file holds, in either format: a BPE vocabulary of Llama's kind. */
export interface Vocabulary {
  /** Pieces by token id. A space is written ▁, the bytes of characters that have no piece <0x00> to <0xFF>. */
  pieces: readonly string[];
  /** Pairs of pieces that become one, the one to merge first at the start. */
  merges: [string, string][];
  /** Pieces that are found in a text as they stand, before any merging. */
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

/** A UserError about a tokenizer file that is of another kind than Llama's. */
export function unsupported(path: string, problem: string): UserError {
  return new UserError(`${path}: ${problem}. Only tokenizers of Llama's kind (BPE with byte fallback) are supported.`);
}
