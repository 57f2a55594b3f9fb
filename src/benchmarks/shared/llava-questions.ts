import { COUNT, objectOf, schemaCheck, TEXT } from '../../shared/json-schema.js';
import type { Question } from '../benchmark.js';
import { readRecordLines } from './read-records.js';

/** A line of one of LLaVA's question files, whose ids are numbers: the whole prompt without the image token. */
export interface LlavaQuestion {
  question_id: number;
  image: string;
  text: string;
}

/** Where LLaVA's question files come from. */
export const EVAL_ZIP = "It is LLaVA's question file, in the eval.zip that its docs/Evaluation.md links to.";

/** A line of a question file whose ids are numbers for some questions and texts for others. */
export interface MixedIdQuestion extends Omit<LlavaQuestion, 'question_id'> {
  question_id: string | number;
}

const mixedIdCheck = schemaCheck<MixedIdQuestion>(
  objectOf<MixedIdQuestion>({ question_id: { type: ['string', 'integer'] }, image: TEXT, text: TEXT }),
);

/** As `readLlavaQuestions`, for files with both kinds of ids. */
export async function readMixedIdQuestions(path: string, origin: string): Promise<MixedIdQuestion[]> {
  return readRecordLines<MixedIdQuestion>({ path, check: mixedIdCheck, origin });
}

const lineCheck = schemaCheck<LlavaQuestion>(objectOf<LlavaQuestion>({ question_id: COUNT, image: TEXT, text: TEXT }));

/** @param origin where the file comes from, in whole sentences @throws UserError as `readRecordLines` */
export async function readLlavaQuestions(path: string, origin: string): Promise<LlavaQuestion[]> {
  return readRecordLines<LlavaQuestion>({ path, check: lineCheck, origin });
}

export function toQuestions(lines: readonly LlavaQuestion[]): Question[] {
  return lines.map(({ question_id: questionId, image, text }, index) => ({ index, questionId, image, text }));
}
