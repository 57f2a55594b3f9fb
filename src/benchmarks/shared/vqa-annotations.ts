import { COUNT, objectOf, schemaCheck, TEXT } from '../../shared/json-schema.js';
import { pythonJson } from '../../shared/python-json.js';
import { readRecordList } from './read-record-list.js';
import type { RecordFile } from './read-records.js';
import type { HumanAnswers } from './vqa-eval.js';

/** A record of a VQA question file; OK-VQA uses the same format. */
export interface VqaQuestion {
  question_id: number;
  /** COCO image id. */
  image_id: number;
  question: string;
}

const questionCheck = schemaCheck<VqaQuestion>(
  objectOf<VqaQuestion>({ question_id: COUNT, image_id: COUNT, question: TEXT }),
);

/** A human answer and any other fields of its record. */
export interface AnswerRecord {
  answer: string;
  [field: string]: unknown;
}

/** Schema of a question's answers; the official scripts accept any number of at least one. */
export const ANSWERS = { type: 'array', items: objectOf<{ answer: string }>({ answer: TEXT }), minItems: 1 };

/** A record of a VQA annotation file. */
export interface AnnotationRecord {
  question_id: number;
  question_type: string;
  answer_type: string;
  answers: AnswerRecord[];
}

/** Check of an `AnnotationRecord`. */
export const annotationCheck = schemaCheck<AnnotationRecord>(
  objectOf<AnnotationRecord>({ question_id: COUNT, question_type: TEXT, answer_type: TEXT, answers: ANSWERS }),
);

/** Human answers to a question, and its types for the breakdowns. */
export interface VqaAnnotation {
  human: HumanAnswers;
  answerType: string;
  /** null for benchmarks without question types. */
  questionType: string | null;
}

/** Path of a benchmark file and where to get it. */
export type FileInfo = Pick<RecordFile<unknown>, 'path' | 'origin'>;

/** @param limit maximum number of questions @throws UserError like `readRecordList` */
export async function readVqaQuestions(file: FileInfo, limit = Number.POSITIVE_INFINITY): Promise<VqaQuestion[]> {
  const questions: VqaQuestion[] = [];
  for await (const records of readRecordList<VqaQuestion>({ ...file, check: questionCheck }, 'questions')) {
    for (const record of records) {
      if (questions.length === limit) return questions;
      questions.push(record);
    }
  }
  return questions;
}

/**
 * Content of a result file for the VQA scripts. Source: VQA's README, "Evaluation on EvalAI".
 * @param ids ids of all questions; those without an answer get an empty one
 */
export function vqaResults(ids: readonly number[], answers: ReadonlyMap<number, string>): string {
  return pythonJson(ids.map((question_id) => ({ question_id, answer: answers.get(question_id) ?? '' })));
}

/** The annotation of a record. @param share gives one copy of texts that are equal */
export function annotationOf(record: AnnotationRecord, share: (text: string) => string): VqaAnnotation {
  return {
    human: humanAnswers(record.answers, share),
    answerType: share(record.answer_type),
    questionType: share(record.question_type),
  };
}

/** @param share as in `annotationOf` */
export function humanAnswers(records: readonly AnswerRecord[], share = (text: string): string => text): HumanAnswers {
  const ids = new Set(records.map(({ answer_id }) => answer_id));
  const areUnique = ids.size === records.length;
  return {
    texts: records.map(({ answer }) => share(answer)),
    details: areUnique ? null : records.map((record) => share(detailsOf(record))),
  };
}

function detailsOf({ answer: _, ...details }: AnswerRecord): string {
  return JSON.stringify(Object.entries(details).sort());
}
