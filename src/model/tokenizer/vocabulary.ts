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
  /** Takes the white space before it along. */
  lstrip?: boolean;
  /** Takes the white space after it along. */
  rstrip?: boolean;
  /** Is found only between spaces. */
  singleWord?: boolean;
}

/** How a tokenizer prepares text and puts it together again: keys of tokenizer_config.json. */
export interface TokenizerSettings {
  /** Whether every part of a text between added tokens begins with a ▁, not only the text. */
  legacy: boolean;
  /** Whether a ▁ goes before the text. */
  addPrefixSpace: boolean;
  /** Whether a prompt begins with <s>. */
  addBosToken: boolean;
  /** Whether decoding puts spaces around added tokens, as HF's slow tokenizers do and its fast ones do not. */
  spacesAroundAdded: boolean;
  /** Whether decoding removes spaces before punctuation. */
  cleanUpSpaces: boolean;
}

/** What the tokenizers of LLaVA and LLaVA-HR say. */
export const OFFICIAL_SETTINGS: TokenizerSettings = {
  legacy: false,
  addPrefixSpace: true,
  addBosToken: true,
  spacesAroundAdded: true,
  cleanUpSpaces: false,
};

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
