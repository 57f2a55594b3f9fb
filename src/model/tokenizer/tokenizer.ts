import { isUtf8 } from 'node:buffer';
import { max } from 'simple-statistics';
import { cleanUpSpaces, createBpe, patternOf, splitByAdded } from './bpe.js';
import {
  type AddedToken,
  bytePiece,
  OFFICIAL_SETTINGS,
  SPACE_MARK,
  type TokenizerSettings,
  unsupported,
  type Vocabulary,
} from './vocabulary.js';

/** Converts text to token ids and back. */
export interface Tokenizer {
  /** One more than the largest token id. A model's embedding may have more rows. */
  readonly size: number;
  /** Tokens that are found in a text as they stand. */
  readonly addedTokens: readonly AddedToken[];
  /** Token id of <s>. */
  readonly bosId: number;
  /** Whether a prompt begins with it. */
  readonly addsBos: boolean;
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
 * A tokenizer equivalent to Hugging Face's slow LlamaTokenizer, which the official evaluation code uses. The fast one differs
 * in the ids of a leading space and the text of invalid UTF-8.
 * Source: transformers 4.57 tokenization_llama.py, tokenization_utils.py; SentencePiece sentencepiece_processor.cc.
 * @param path the vocabulary's file, for messages
 * @throws UserError when a piece is missing that every Llama tokenizer has
 */
export function createTokenizer(
  { pieces, merges, addedTokens }: Vocabulary,
  path: string,
  settings: TokenizerSettings = OFFICIAL_SETTINGS,
): Tokenizer {
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const idOf = (piece: string): number => {
    const id = ids.get(piece);
    if (id === undefined) throw unsupported(path, `the piece ${piece} is missing`);
    return id;
  };
  if (ids.size !== pieces.length) throw unsupported(path, 'a piece occurs twice');
  const bytes = new Map(BYTES.map((piece, byte) => [idOf(piece), byte]));
  const bpe = createBpe(ids, merges, { byteFallback: true });
  const addedById = new Map(addedTokens.map((token) => [token.id, token]));
  const addedByContent = new Map(addedTokens.map((token) => [token.content, token]));
  const addedPattern = patternOf([...addedByContent.keys()]);

  const encodePart = (part: string): number[] => bpe(part.replaceAll(' ', SPACE_MARK));
  /** The text of ids without added tokens among them, whose first ▁ is dropped. */
  const textOf = (tokenIds: readonly number[]): string => {
    let text = '';
    let run: number[] = []; // bytes not yet decoded
    let mayBePrefix = settings.legacy;
    tokenIds.forEach((id, index) => {
      const byte = bytes.get(id);
      if (byte !== undefined) {
        run.push(byte);
        return;
      }
      text += decodeUtf8(run);
      run = [];
      const piece = addedById.get(id)?.content ?? pieces[id]!;
      const isFirst = index === 0 && settings.addPrefixSpace;
      const withoutPrefix = isFirst && piece.startsWith(SPACE_MARK) ? piece.slice(1) : piece;
      const decoded = withoutPrefix.replaceAll(SPACE_MARK, ' ');
      // SentencePiece drops the space of its own prefix once more.
      const isPrefix = mayBePrefix && text === '' && decoded.startsWith(' ');
      if (isPrefix) mayBePrefix = false;
      text += isPrefix ? decoded.slice(1) : decoded;
    });
    return text + decodeUtf8(run);
  };

  return {
    size: max([pieces.length, ...addedTokens.map(({ id }) => id + 1)]),
    addedTokens,
    bosId: idOf('<s>'),
    addsBos: settings.addBosToken,
    eosId: idOf('</s>'),
    encode(text) {
      if (text === '') return [];
      if (settings.legacy) {
        const parts = splitByAdded(text, addedPattern, addedByContent);
        return parts.flatMap((part) => (typeof part === 'string' ? encodePart(SPACE_MARK + part) : [part.id]));
      }
      const prefix = settings.addPrefixSpace ? SPACE_MARK : '';
      const parts = splitByAdded(prefix + text.replaceAll(SPACE_MARK, ' '), addedPattern, addedByContent);
      // A ▁ is not prepended when the text begins with a special token.
      const [first, second] = parts;
      if ((first === SPACE_MARK || first === ' ') && typeof second === 'object' && second.special) parts.shift();
      return parts.flatMap((part) => (typeof part === 'string' ? encodePart(part) : [part.id]));
    },
    decode(tokenIds) {
      const texts: string[] = [];
      let run: number[] = [];
      const endRun = (): void => {
        const text = textOf(run);
        if (text !== '') texts.push(text);
        run = [];
      };
      for (const id of tokenIds) {
        const token = addedById.get(id);
        if (token?.special || (token === undefined && pieces[id] === undefined)) continue;
        if (token === undefined || !settings.spacesAroundAdded) {
          run.push(id);
        } else {
          endRun();
          texts.push(token.content);
        }
      }
      // transformers leaves out empty parts, but not at the end.
      if (run.length > 0) texts.push(textOf(run));
      const text = texts.join(' ');
      return settings.cleanUpSpaces ? cleanUpSpaces(text) : text;
    },
  };
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
