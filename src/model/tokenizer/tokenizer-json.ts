import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../shared/errors.js';
import { schemaCheck } from '../../shared/json-schema.js';
import { type BpeDocument, bpeSchema, mergesOf, OFF } from './bpe-document.js';
import { SPACE_MARK, unsupported, type Vocabulary } from './vocabulary.js';

const check = schemaCheck<BpeDocument>(
  bpeSchema({ byte_fallback: { const: true }, ignore_merges: OFF }, ['byte_fallback']),
);

const toMark = { type: 'Replace', pattern: { String: ' ' }, content: SPACE_MARK };
const toSpace = { type: 'Replace', pattern: { String: SPACE_MARK }, content: ' ' };
const metaspace = { type: 'Metaspace', replacement: SPACE_MARK, split: false };

// The ways in which converters express that a ▁ is prepended and spaces become ▁.
const TEXT_PREPARATIONS = [
  {
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE_MARK }, toMark] },
    pre_tokenizer: null,
  },
  { normalizer: null, pre_tokenizer: { ...metaspace, prepend_scheme: 'first' } },
  { normalizer: null, pre_tokenizer: { ...metaspace, prepend_scheme: 'always' } },
];
const DECODER = {
  type: 'Sequence',
  decoders: [toSpace, { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }],
};

/**
 * Reads tokenizer.json, the format of Hugging Face's fast tokenizers. Its settings are only compared with Llama's: text
 * is always prepared in the official way, see createTokenizer.
 * @param document content of the file
 * @param path for messages
 * @throws UserError when it is damaged or not a Llama tokenizer
 */
export function readTokenizerJson(document: unknown, path: string): Vocabulary {
  if (!check.fits(document)) throw unsupported(path, check.problem());
  const { normalizer = null, pre_tokenizer = null, decoder = null, added_tokens: addedTokens, model } = document;
  if (!TEXT_PREPARATIONS.some((known) => isDeepStrictEqual(known, { normalizer, pre_tokenizer }))) {
    throw unsupported(path, "normalizer and pre_tokenizer differ from Llama's");
  }
  if (!isDeepStrictEqual(decoder, DECODER)) throw unsupported(path, "the decoder differs from Llama's");

  const ids = new Map(Object.entries(model.vocab));
  for (const { id, content } of addedTokens) ids.set(content, id);
  const pieces: string[] = [];
  for (const [piece, id] of [...ids].sort(([, a], [, b]) => a - b)) {
    if (id !== pieces.length) throw new UserError(`${path}: token ids have a gap or a duplicate at ${id}.`);
    pieces.push(piece);
  }
  return { pieces, merges: mergesOf(document, ids, path), addedTokens };
}
