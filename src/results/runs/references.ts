import { jsonFile } from '../../shared/json-file.js';
import { COUNT, mapOf, nullable, objectOf, TEXT } from '../../shared/json-schema.js';

/**
 * references.json: what is known of each question, in the benchmark's order, so that answers can be looked at without the
 * benchmark's files.
 */
export interface References {
  schemaVersion: 1;
  /** Names of the images; null without one. */
  images: (string | null)[];
  /** The part of the benchmark that a question belongs to; null where it has no parts. */
  categories: (string | null)[];
  /** Right answers and how many people gave each; empty where they are not public. */
  answers: Record<string, number>[];
}

export const referencesFile = jsonFile<References>(
  'references.json',
  objectOf<References>({
    schemaVersion: { const: 1 },
    images: { type: 'array', items: nullable(TEXT) },
    categories: { type: 'array', items: nullable(TEXT) },
    answers: { type: 'array', items: mapOf(COUNT) },
  }),
);
