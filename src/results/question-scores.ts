import { nullable, objectOf, TEXT } from '../json-schema.js';
import type { QuestionScores } from './compare.js';
import { jsonFile } from './write-json.js';

/** question-scores.json: what each question scored and which image it is about, in the benchmark's order. */
export interface QuestionScoresFile {
  schemaVersion: 1;
  /** 0 to 1. */
  scores: number[];
  /** Questions about one image fail together: the unit of confidence intervals. null without an image. */
  images: (string | null)[];
}

export const questionScoresFile = jsonFile<QuestionScoresFile>(
  'question-scores.json',
  objectOf<QuestionScoresFile>({
    schemaVersion: { const: 1 },
    scores: { type: 'array', items: { type: 'number', minimum: 0, maximum: 1 } },
    images: { type: 'array', items: nullable(TEXT) },
  }),
);

/** The question scores of a run for comparisons; null when the folder has none. */
export async function readQuestionScores(folder: string): Promise<QuestionScores | null> {
  const file = await questionScoresFile.read(folder);
  return file && { scores: file.scores, clusters: file.images };
}
