import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../shared/errors.js';
import { schemaCheck } from '../../shared/json-schema.js';
import { cleanUpSpaces, createBpe, patternOf, splitByAdded } from './bpe.js';
import { type BpeDocument, bpeSchema, mergesOf, OFF } from './bpe-document.js';
import type { Tokenizer } from './tokenizer.js';

const check = schemaCheck<BpeDocument>(
  bpeSchema({ byte_fallback: OFF, unk_token: { const: null }, ignore_merges: { type: 'boolean' } }, [], {
    normalizer: { const: null },
  }),
);

/** How Llama 3 cuts a text before it merges bytes, as it stands in tokenizer.json. */
const LLAMA_3_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
/**
 * The same for JavaScript: no flags within a pattern, and another idea of white space. Without case, Oniguruma takes ſ for s.
 */
const WORDS =
  /'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const PRE_TOKENIZER = {
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: LLAMA_3_PATTERN }, behavior: 'Isolated', invert: false },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
  ],
};

/** Whether a tokenizer.json is that of a tokenizer that merges bytes, and not pieces of text. */
export function isByteLevel(json: unknown): boolean {
  return (json as { decoder?: { type?: unknown } } | null)?.decoder?.type === 'ByteLevel';
}

/**
 * A tokenizer equivalent to Hugging Face's fast one of Llama 3.
 * @param json content of tokenizer.json
 * @param path for messages
 * @param config of tokenizer_config.json
 * @throws UserError when it is damaged, or prepares texts otherwise than Llama 3
 */
export function createByteLevelTokenizer(
  json: unknown,
  path: string,
  config: { eosToken: string | undefined; cleanUpSpaces: boolean },
): Tokenizer {
  if (!check.fits(json)) throw unsupported(path, check.problem());
  const { added_tokens: addedTokens, pre_tokenizer: preTokenizer, post_processor: postProcessor, model } = json;
  if (!isDeepStrictEqual(preTokenizer, PRE_TOKENIZER)) throw unsupported(path, "pre_tokenizer differs from Llama 3's");
  const ids = new Map(Object.entries(model.vocab));
  const bpe = createBpe(ids, mergesOf(json, ids, path), { byteFallback: false });
  const pieces = new Map([...ids].map(([text, token]) => [token, text]));
  const addedById = new Map(addedTokens.map((token) => [token.id, token]));
  const addedByContent = new Map(addedTokens.map((token) => [token.content, token]));
  const addedPattern = patternOf([...addedByContent.keys()]);
  const idOf = (content: string): number => {
    const token = addedByContent.get(content);
    if (token === undefined) throw unsupported(path, `the token ${content} is missing`);
    return token.id;
  };
  const encodeWord = (word: string): number[] => {
    const text = Array.from(Buffer.from(word, 'utf8'), (byte) => BYTE_CHARACTERS[byte]!).join('');
    const whole = model.ignore_merges ? ids.get(text) : undefined;
    return whole === undefined ? bpe(text) : [whole];
  };
  const bos = '<|begin_of_text|>';
  let size = 0;
  for (const token of [...ids.values(), ...addedById.keys()]) size = Math.max(size, token + 1);
  return {
    size,
    addedTokens,
    bosId: idOf(bos),
    addsBos: JSON.stringify(postProcessor ?? null).includes(`{"SpecialToken":{"id":${JSON.stringify(bos)}`),
    eosId: idOf(config.eosToken ?? '<|end_of_text|>'),
    encode(text) {
      const parts = splitByAdded(text, addedPattern, addedByContent);
      return parts.flatMap((part) =>
        typeof part === 'string' ? (part.match(WORDS) ?? []).flatMap(encodeWord) : [part.id],
      );
    },
    decode(tokenIds) {
      const bytes = tokenIds.flatMap((token) => {
        const added = addedById.get(token);
        if (added?.special) return [];
        const text = added?.content ?? pieces.get(token) ?? '';
        return bytesOf(text);
      });
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
      return config.cleanUpSpaces ? cleanUpSpaces(text) : text;
    },
  };
}

/**
 * The character that stands for each byte: itself where it is printable, otherwise one from U+0100 on.
 * Source: GPT-2 encoder.py, bytes_to_unicode
 */
const BYTE_CHARACTERS = byteCharacters();
const CHARACTER_BYTES = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

function byteCharacters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCodePoint(isPrintable ? byte : next++);
  });
}

/** The bytes a piece stands for; those of its text where it holds a character that stands for none. */
function bytesOf(text: string): number[] {
  const bytes = Array.from(text, (character) => CHARACTER_BYTES.get(character));
  return bytes.every((byte) => byte !== undefined) ? bytes : [...Buffer.from(text, 'utf8')];
}

function unsupported(path: string, problem: string): UserError {
  return new UserError(
    `${path}: ${problem}. Only Llama's tokenizers are supported: BPE with byte fallback, and Llama 3's byte-level BPE.`,
  );
}
