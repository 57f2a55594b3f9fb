import { mapOf, objectOf, type SchemaCheck, schemaCheck } from '../../shared/json-schema.js';
import type { PredictionRecord } from './prediction-record.js';
import { ANSWER, answerText } from './record-formats.js';

/** Name of the format of a document that maps ids to answers. Any object with string values looks like one. */
export const ANSWERS_BY_ID = 'answers by id';

/** A list of records in a JSON document. */
export interface DocumentRecords {
  /** The list they are in, for messages: "" or ' of "logs"'. */
  list: string;
  records: readonly unknown[];
}

const isListMap = schemaCheck<Record<string, unknown[]>>(mapOf({ type: 'array' }));

/** The lists of records in a JSON document, or null if it has none. */
export function recordsIn(document: unknown): DocumentRecords[] | null {
  if (Array.isArray(document)) return [{ list: '', records: document }];
  if (typeof document !== 'object' || document === null) return null;
  // Before version 0.2 lmms-eval's log was { args, model_configs, logs, time }.
  const { logs } = document as { logs?: unknown };
  if (Array.isArray(logs)) return [{ list: ' of "logs"', records: logs }];
  // eval_science_qa.py, --output-file: { correct: [...], incorrect: [...] }; GQA and others nest likewise.
  if (isListMap.fits(document)) {
    return Object.entries(document).map(([name, records]) => ({ list: ` of "${name}"`, records }));
  }
  return null;
}

interface ScienceQaResult {
  results: Record<string, number>;
  outputs: Record<string, string | number | null>;
}

const scienceQaResult: SchemaCheck<ScienceQaResult> = schemaCheck(
  objectOf<ScienceQaResult>({ results: mapOf({ type: 'integer' }), outputs: mapOf(ANSWER) }),
);

/** Answers by question id. Source: LLaVA convert_mmvet_for_eval.py */
const answerMap = schemaCheck<Record<string, string | number | null>>(mapOf(ANSWER));

/** The answers of a document that maps ids to answers, or null for any other document. */
export function answersById(document: unknown): { format: string; records: PredictionRecord[] } | null {
  if (scienceQaResult.fits(document)) {
    // A question that was not answered is "FAILED" there. Source: LLaVA eval_science_qa.py, --output-result
    const answered = Object.entries(document.outputs).filter(([, answer]) => answer !== 'FAILED');
    return { format: 'ScienceQA results', records: answered.map(toRecord) };
  }
  if (Array.isArray(document) || !answerMap.fits(document) || Object.keys(document).length === 0) return null;
  return { format: ANSWERS_BY_ID, records: Object.entries(document).map(toRecord) };
}

function toRecord([id, answer]: [string, string | number | null]): PredictionRecord {
  return { id, idKind: 'question', prompt: null, answer: answerText(answer) };
}
