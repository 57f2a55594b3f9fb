import { isDeepStrictEqual } from 'node:util';
import { Ajv, type SchemaObject } from 'ajv';
import { UserError } from '../../shared/errors.js';
import { type AddedToken, SPACE_MARK, unsupported, type Vocabulary } from './vocabulary.js';

/** The fields used here from the tokenizer.json of Hugging Face tokenizers. */
interface TokenizerJson {
  added_tokens: AddedToken[];
  normalizer?: unknown;
  pre_tokenizer?: unknown;
  decoder?: unknown;
  model: { vocab: Record<string, number>; merges: (string | [string, string])[] };
}

const id: SchemaObject = { type: 'integer', minimum: 0 };
const piece: SchemaObject = { type: 'string', minLength: 1 };
const off: SchemaObject = { const: false };
const none: SchemaObject = { enum: [null, ''] };

const schema: SchemaObject = {
  type: 'object',
  properties: {
    added_tokens: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        properties: { id, content: piece, special: { type: 'boolean' }, single_word: off, lstrip: off, rstrip: off },
        required: ['id', 'content', 'special'],
      },
    },
    model: {
      type: 'object',
      properties: {
        type: { const: 'BPE' },
        byte_fallback: { const: true },
        dropout: { const: null },
        continuing_subword_prefix: none,
        end_of_word_suffix: none,
        ignore_merges: off,
        vocab: { type: 'object', additionalProperties: id },
        merges: {
          type: 'array',
          items: {
            anyOf: [
              { type: 'string', pattern: '^[^ ]+ [^ ]+$' },
              { type: 'array', items: piece, minItems: 2, maxItems: 2 },
            ],
          },
        },
      },
      required: ['type', 'byte_fallback', 'vocab', 'merges'],
    },
  },
  required: ['added_tokens', 'model'],
};

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
  const json = checked(document, path);
  const { normalizer = null, pre_tokenizer = null, decoder = null } = json;
  if (!TEXT_PREPARATIONS.some((known) => isDeepStrictEqual(known, { normalizer, pre_tokenizer }))) {
    throw unsupported(path, "normalizer and pre_tokenizer differ from Llama's");
  }
  if (!isDeepStrictEqual(decoder, DECODER)) throw unsupported(path, "the decoder differs from Llama's");

  const addedTokens = json.added_tokens;
  const ids = new Map(Object.entries(json.model.vocab));
  for (const { id, content } of addedTokens) ids.set(content, id);
  const pieces: string[] = [];
  for (const [piece, id] of [...ids].sort(([, a], [, b]) => a - b)) {
    if (id !== pieces.length) throw new UserError(`${path}: token ids have a gap or a duplicate at ${id}.`);
    pieces.push(piece);
  }
  const merges = json.model.merges.map((merge) =>
    typeof merge === 'string' ? (merge.split(' ') as [string, string]) : merge,
  );
  for (const [left, right] of merges) {
    const missing = [left, right, left + right].find((piece) => !ids.has(piece));
    if (missing !== undefined) {
      throw new UserError(`${path}: ${JSON.stringify(missing)} is in the merges but has no token id.`);
    }
  }
  return { pieces, merges, addedTokens };
}

function checked(json: unknown, path: string): TokenizerJson {
  const validate = new Ajv().compile<TokenizerJson>(schema);
  if (!validate(json)) {
    const { instancePath, message, params } = validate.errors![0]!;
    const allowed = 'allowedValue' in params ? ` ${JSON.stringify(params.allowedValue)}` : '';
    throw unsupported(path, `${instancePath || 'the document'} ${message}${allowed}`);
  }
  return json;
}
