import { UserError } from '../../shared/errors.js';
import { COUNT, objectOf, schemaCheck, TEXT } from '../../shared/json-schema.js';
import { readRecordList } from './read-record-list.js';
import type { RecordFile } from './read-records.js';
import type { HumanAnswers } from './vqa-eval.js';

/** A record of a question file of VQA; OK-VQA has the same format. */
export interface VqaQuestion {
  question_id: number;
  /** COCO's number of the image. */
  image_id: number;
  question: string;
}

const questionCheck = schemaCheck<VqaQuestion>(
  objectOf<VqaQuestion>({ question_id: COUNT, image_id: COUNT, question: TEXT }),
);

/** A human answer with whatever else its record says. */
export interface AnswerRecord {
  answer: string;
  [field: string]: unknown;
}

/** Schema of the answers to a question; the scripts take any number but none. */
export const ANSWERS = { type: 'array', items: objectOf<{ answer: string }>({ answer: TEXT }), minItems: 1 };

interface AnnotationRecord {
  question_id: number;
  question_type: string;
  answer_type: string;
  answers: AnswerRecord[];
}

const annotationCheck = schemaCheck<AnnotationRecord>(
  objectOf<AnnotationRecord>({ question_id: COUNT, question_type: TEXT, answer_type: TEXT, answers: ANSWERS }),
);

/** What people answered to a question, and its place in the breakdowns. */
export interface VqaAnnotation {
  human: HumanAnswers;
  answerType: string;
  /** null in benchmarks without question types. */
  questionType: string | null;
}

/** Where a file of the benchmark is and comes from. */
export type FileInfo = Pick<RecordFile<unknown>, 'path' | 'origin'>;

/** @param limit only so many @throws UserError as `readRecordList` */
export async function readVqaQuestions(file: FileInfo, limit = Number.POSITIVE_INFINITY): Promise<VqaQuestion[]> {
  const questions: VqaQuestion[] = [];
  for await (const record of readRecordList<VqaQuestion>({ ...file, check: questionCheck }, 'questions')) {
    if (questions.length === limit) break;
    questions.push(record);
  }
  return questions;
}

/**
 * The annotations of questions, in their order; of several with one question id the last counts, as in the scripts.
 * @throws UserError as `readRecordList`, or when a question has none
 */
export async function readVqaAnnotations(
  file: FileInfo,
  questions: readonly { question_id: number }[],
): Promise<VqaAnnotation[]> {
  const wanted = new Set(questions.map(({ question_id }) => question_id));
  const byId = new Map<number, VqaAnnotation>();
  const texts = new Map<string, string>(); // one copy of each: most of two million answers are among a few thousand
  for await (const record of readRecordList<AnnotationRecord>({ ...file, check: annotationCheck }, 'annotations')) {
    if (!wanted.has(record.question_id)) continue;
    byId.set(record.question_id, {
      human: humanAnswers(record.answers, texts),
      answerType: onceOnly(record.answer_type, texts),
      questionType: onceOnly(record.question_type, texts),
    });
  }
  return questions.map(({ question_id }) => {
    const annotation = byId.get(question_id);
    if (annotation) return annotation;
    throw new UserError(`${file.path} has no annotation of question ${question_id}. ${file.origin}`);
  });
}

/**
 * The result file that the VQA scripts read. Source: VQA's README, "Evaluation on EvalAI".
 * @param ids of all questions; those without an answer get an empty one
 */
export function vqaResults(ids: readonly number[], answers: ReadonlyMap<number, string>): string {
  return JSON.stringify(ids.map((question_id) => ({ question_id, answer: answers.get(question_id) ?? '' })));
}

/** @param texts copies made so far, for sharing them */
export function humanAnswers(records: readonly AnswerRecord[], texts = new Map<string, string>()): HumanAnswers {
  const ids = new Set(records.map(({ answer_id }) => answer_id));
  const differ = ids.size === records.length;
  return {
    texts: records.map(({ answer }) => onceOnly(answer, texts)),
    details: differ ? null : records.map((record) => onceOnly(detailsOf(record), texts)),
  };
}

function detailsOf({ answer: _, ...details }: AnswerRecord): string {
  return JSON.stringify(Object.entries(details).sort());
}

function onceOnly(text: string, texts: Map<string, string>): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  texts.set(text, text);
  return text;
}
