import { COUNT, ID, objectOf, schemaCheck, TEXT } from '../../shared/json-schema.js';
import type { Question } from '../benchmark.js';
import { asks, normalizeQuestion } from '../prediction-formats/question-text.js';
import { readRecordLines } from './read-records.js';

/** A line of a LLaVA question file with numeric ids. `text` is the complete prompt without the image token. */
export interface LlavaQuestion {
  question_id: number;
  image: string;
  text: string;
}

/** Origin of LLaVA's question files, for messages. */
export const EVAL_ZIP = "It is LLaVA's question file, part of the eval.zip linked from LLaVA's docs/Evaluation.md.";

/** A line of a question file with both numeric and string ids. */
export interface MixedIdQuestion extends Omit<LlavaQuestion, 'question_id'> {
  question_id: string | number;
}

const mixedIdCheck = schemaCheck<MixedIdQuestion>(
  objectOf<MixedIdQuestion>({ question_id: ID, image: TEXT, text: TEXT }),
);

/** `readLlavaQuestions` for files with both numeric and string ids. */
export async function readMixedIdQuestions(path: string, origin: string): Promise<MixedIdQuestion[]> {
  return readRecordLines<MixedIdQuestion>({ path, check: mixedIdCheck, origin });
}

const lineCheck = schemaCheck<LlavaQuestion>(objectOf<LlavaQuestion>({ question_id: COUNT, image: TEXT, text: TEXT }));

/** @param origin where the file comes from, in complete sentences @throws UserError like `readRecordLines` */
export async function readLlavaQuestions(path: string, origin: string): Promise<LlavaQuestion[]> {
  return readRecordLines<LlavaQuestion>({ path, check: lineCheck, origin });
}

/**
 * Whether a line is about the question that the annotations have under its id. Wordings and image names may differ a little
 * between the files of one release; both differ only between files that do not belong together.
 */
export function isAbout(
  { image, text }: Pick<LlavaQuestion, 'image' | 'text'>,
  annotated: { image: string; question: string },
): boolean {
  return image === annotated.image || asks(text, normalizeQuestion(annotated.question));
}

/** The lines as questions, in the file's order. */
export function toQuestions(lines: readonly LlavaQuestion[]): Question[] {
  return lines.map(({ question_id: questionId, image, text }, index) => ({ index, questionId, image, text }));
}
