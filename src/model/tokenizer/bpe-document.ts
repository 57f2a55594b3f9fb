import type { SchemaObject } from 'ajv';
import { UserError } from '../../shared/errors.js';
import type { AddedToken } from './vocabulary.js';

/* tokenizer.json of Hugging Face's fast tokenizers, as far as all with a BPE model are alike. */

/** The fields used here. */
export interface BpeDocument {
  added_tokens: AddedToken[];
  normalizer?: unknown;
  pre_tokenizer?: unknown;
  post_processor?: unknown;
  decoder?: unknown;
  model: { vocab: Record<string, number>; merges: (string | [string, string])[]; ignore_merges?: boolean };
}

const id: SchemaObject = { type: 'integer', minimum: 0 };
const piece: SchemaObject = { type: 'string', minLength: 1 };
/** A setting that is not used. */
export const OFF: SchemaObject = { enum: [false, null] };
const none: SchemaObject = { enum: [null, ''] };

/**
 * JSON Schema of the document.
 * @param model fields of the model beside those that every BPE model has
 * @param required those of them that must be there
 * @param fields of the document beside the model and the added tokens
 */
export function bpeSchema(
  model: Record<string, SchemaObject>,
  required: readonly string[] = [],
  fields: Record<string, SchemaObject> = {},
): SchemaObject {
  return {
    type: 'object',
    properties: {
      ...fields,
      added_tokens: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          properties: { id, content: piece, special: { type: 'boolean' }, single_word: OFF, lstrip: OFF, rstrip: OFF },
          required: ['id', 'content', 'special'],
        },
      },
      model: {
        type: 'object',
        properties: {
          type: { const: 'BPE' },
          dropout: { const: null },
          continuing_subword_prefix: none,
          end_of_word_suffix: none,
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
          ...model,
        },
        required: ['type', 'vocab', 'merges', ...required],
      },
    },
    required: ['added_tokens', 'model'],
  };
}

/** The merges of a document as pairs. @param ids by piece @throws UserError when a piece has no id */
export function mergesOf({ model }: BpeDocument, ids: ReadonlyMap<string, number>, path: string): [string, string][] {
  const merges = model.merges.map((merge) =>
    typeof merge === 'string' ? (merge.split(' ') as [string, string]) : merge,
  );
  for (const [left, right] of merges) {
    const missing = [left, right, left + right].find((piece) => !ids.has(piece));
    if (missing !== undefined) {
      throw new UserError(`${path}: ${JSON.stringify(missing)} is in the merges but has no token id.`);
    }
  }
  return merges;
}
