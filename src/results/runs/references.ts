import { jsonFile } from '../../shared/json-file.js';
import { COUNT, mapOf, nullable, objectOf, TEXT } from '../../shared/json-schema.js';

/**
 * references.json: image, category and reference answers of each question, in the benchmark's order, so that answers can be
 * inspected without the benchmark's files.
 */
export interface References {
  schemaVersion: 1;
  /** Image names; null for questions without an image. */
  images: (string | null)[];
  /** Category of each question; null if the benchmark has none. */
  categories: (string | null)[];
  /** Reference answers with the number of people who gave each; empty if they are not public. */
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
