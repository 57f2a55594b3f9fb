import { UserError } from '../../shared/errors.js';
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

interface AnnotationRecord {
  question_id: number;
  question_type: string;
  answer_type: string;
  answers: AnswerRecord[];
}

const annotationCheck = schemaCheck<AnnotationRecord>(
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
 * The annotations of the given questions, in their order. When several have the same question id, the last one counts, as
 * in the official scripts.
 * @throws UserError like `readRecordList`, or when a question has no annotation
 */
export async function readVqaAnnotations(
  file: FileInfo,
  questions: readonly { question_id: number }[],
): Promise<VqaAnnotation[]> {
  const ids = new Set(questions.map(({ question_id }) => question_id));
  const byId = new Map<number, VqaAnnotation>();
  const texts = new Map<string, string>(); // shared copies: most of two million answers are one of a few thousand texts
  for await (const records of readRecordList<AnnotationRecord>({ ...file, check: annotationCheck }, 'annotations')) {
    for (const record of records) {
      if (!ids.has(record.question_id)) continue;
      byId.set(record.question_id, {
        human: humanAnswers(record.answers, texts),
        answerType: shareCopy(record.answer_type, texts),
        questionType: shareCopy(record.question_type, texts),
      });
    }
  }
  return questions.map(({ question_id }) => {
    const annotation = byId.get(question_id);
    if (annotation) return annotation;
    throw new UserError(`${file.path} has no annotation for question ${question_id}. ${file.origin}`);
  });
}

/**
 * Content of a result file for the VQA scripts. Source: VQA's README, "Evaluation on EvalAI".
 * @param ids ids of all questions; those without an answer get an empty one
 */
export function vqaResults(ids: readonly number[], answers: ReadonlyMap<number, string>): string {
  return pythonJson(ids.map((question_id) => ({ question_id, answer: answers.get(question_id) ?? '' })));
}

/** @param texts pool of shared strings */
export function humanAnswers(records: readonly AnswerRecord[], texts = new Map<string, string>()): HumanAnswers {
  const ids = new Set(records.map(({ answer_id }) => answer_id));
  const areUnique = ids.size === records.length;
  return {
    texts: records.map(({ answer }) => shareCopy(answer, texts)),
    details: areUnique ? null : records.map((record) => shareCopy(detailsOf(record), texts)),
  };
}

function detailsOf({ answer: _, ...details }: AnswerRecord): string {
  return JSON.stringify(Object.entries(details).sort());
}

function shareCopy(text: string, texts: Map<string, string>): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  texts.set(text, text);
  return text;
}
