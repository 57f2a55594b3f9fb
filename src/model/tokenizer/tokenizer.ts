import { isUtf8 } from 'node:buffer';
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers';
import { bytePiece, SPACE_MARK, unsupported, type Vocabulary } from './vocabulary.js';

/** Converts text to token ids and back. */
export interface Tokenizer {
  /** Number of token ids. A model's embedding may have more rows. */
  readonly size: number;
  /** Token id of <s>. */
  readonly bosId: number;
  /** Token id of </s>. */
  readonly eosId: number;
  /** The token ids of a text, without a leading <s>. Special tokens written in the text become their ids. */
  encode(text: string): number[];
  /**
   * The text of token ids, without special tokens. Every byte that is not part of valid UTF-8 becomes U+FFFD. Ids
   * without a piece, which a model with a larger embedding can produce, are skipped.
   */
  decode(ids: readonly number[]): string;
}

const BYTES = Array.from({ length: 256 }, (_, byte) => bytePiece(byte));

/**
 * A tokenizer equivalent to Hugging Face's slow LlamaTokenizer with legacy=false, which the official evaluation code
 * uses. The fast one differs in the ids of a leading space and the text of invalid UTF-8.
 * Source: transformers 4.57 tokenization_llama.py, tokenization_utils.py; SentencePiece sentencepiece_processor.cc.
 * @param path the vocabulary's file, for messages
 * @throws UserError when a piece is missing that every Llama tokenizer has
 */
export function createTokenizer({ pieces, merges, addedTokens }: Vocabulary, path: string): Tokenizer {
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const idOf = (piece: string): number => {
    const id = ids.get(piece);
    if (id === undefined) throw unsupported(path, `the piece ${piece} is missing`);
    return id;
  };
  if (ids.size !== pieces.length) throw unsupported(path, 'a piece occurs twice');
  const bytes = new Map(BYTES.map((piece, byte) => [idOf(piece), byte]));
  const bpe = createBpe(ids, merges);
  const added = new Map(addedTokens.map((token) => [token.content, token]));
  const addedPattern = patternOf([...added.keys()]);
  const hidden = new Set(addedTokens.filter(({ special }) => special).map(({ id }) => id));

  return {
    size: pieces.length,
    bosId: idOf('<s>'),
    eosId: idOf('</s>'),
    encode(text) {
      if (text === '') return [];
      const parts = (SPACE_MARK + text.replaceAll(SPACE_MARK, ' ')).split(addedPattern);
      // A ▁ is not prepended when the text begins with a special token.
      if (parts[0] === SPACE_MARK && added.get(parts[1] ?? '')?.special) parts[0] = '';
      return parts.flatMap((part, index) => {
        const isAdded = index % 2 === 1; // split() returns the pattern's matches between the other parts
        return isAdded ? [idOf(part)] : bpe(part.replaceAll(' ', SPACE_MARK));
      });
    },
    decode(tokenIds) {
      const shown = tokenIds.filter((id) => pieces[id] !== undefined && !hidden.has(id));
      let text = '';
      let run: number[] = []; // bytes not decoded yet
      shown.forEach((id, index) => {
        const byte = bytes.get(id);
        if (byte !== undefined) {
          run.push(byte);
          return;
        }
        text += decodeUtf8(run);
        run = [];
        const piece = pieces[id]!;
        const withoutPrefix = index === 0 && piece.startsWith(SPACE_MARK) ? piece.slice(1) : piece;
        text += withoutPrefix.replaceAll(SPACE_MARK, ' ');
      });
      return text + decodeUtf8(run);
    },
  };
}

/** Byte pair encoding only, without any preparation of the text. */
function createBpe(ids: ReadonlyMap<string, number>, merges: [string, string][]): (text: string) => number[] {
  // The library's types do not resolve under nodenext.
  const tokenizer: { encode(text: string): { ids: number[] } } = new HfTokenizer(
    {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: 'BPE', vocab: Object.fromEntries(ids), merges, byte_fallback: true, ignore_merges: false },
    },
    {},
  );
  return (text) => tokenizer.encode(text).ids;
}

/** Matches any of the words, the longest where several match. */
function patternOf(words: readonly string[]): RegExp {
  const longestFirst = [...words].sort((a, b) => b.length - a.length);
  return new RegExp(`(${longestFirst.map((word) => word.replace(/[^\p{L}\p{N}]/gu, '\\$&')).join('|')})`);
}

/** Decodes UTF-8, one U+FFFD per invalid byte. (TextDecoder emits only one for a truncated sequence.) */
function decodeUtf8(bytes: readonly number[]): string {
  const buffer = Buffer.from(bytes);
  let text = '';
  for (let start = 0; start < buffer.length; ) {
    const character = [1, 2, 3, 4].map((length) => buffer.subarray(start, start + length)).find(isUtf8);
    text += character?.toString('utf8') ?? '\ufffd';
    start += character?.length ?? 1;
  }
  return text;
}
