import type { SchemaObject } from 'ajv';
import { COUNT, nullable, objectOf, type SchemaCheck, schemaCheck, TEXT } from '../../shared/json-schema.js';
import type { PredictionRecord } from './prediction-record.js';

/** A format whose files hold one JSON object per answer, on lines of their own or in a list. */
export interface RecordFormat {
  name: string;
  /** A record of this format has all of these. */
  keys: readonly string[];
  check: SchemaCheck<unknown>;
  /** @param record one that fits `check` */
  toPrediction(record: unknown): PredictionRecord;
}

type Id = string | number;
const ID: SchemaObject = { type: ['string', 'integer'] };

function recordFormat<T>(
  name: string,
  required: Record<string, SchemaObject>,
  toPrediction: (record: T) => PredictionRecord,
): RecordFormat {
  return {
    name,
    keys: Object.keys(required),
    check: schemaCheck<unknown>(objectOf<Record<string, unknown>>(required)),
    toPrediction: (record) => toPrediction(record as T),
  };
}

/** An answer to the question that an id names. */
function byId(id: Id, answer: string | null): PredictionRecord {
  return { id, idKind: 'question', prompt: null, answer };
}

/** lmms-eval keeps the answers to a question as a list, or as a list of such lists. */
type Responses = string | string[] | string[][];
const RESPONSES: SchemaObject = {
  anyOf: [TEXT, { type: 'array', minItems: 1, items: { anyOf: [TEXT, { type: 'array', minItems: 1, items: TEXT }] } }],
};

/** What is used of a line of lmms-eval's log. Some versions leave out the prompt or the unfiltered responses. */
interface LmmsEvalSample {
  doc_id: number;
  input?: unknown;
  filtered_resps?: Responses;
  resps?: Responses;
}

/** What its filters left is what lmms-eval scored. */
function fromSample({ doc_id, input, filtered_resps, resps }: LmmsEvalSample): PredictionRecord {
  const prompt = typeof input === 'string' ? input : null;
  return { id: doc_id, idKind: 'row', prompt, answer: [(filtered_resps ?? resps)!].flat(2)[0]! };
}

/** Of several formats that fit a record the first counts: each has keys that those below it do not need. */
const RECORD_FORMATS: readonly RecordFormat[] = [
  recordFormat<{ index: number; question_id: Id; prompt: string; text: string | null }>(
    'llavahr predictions',
    { index: COUNT, question_id: ID, prompt: TEXT, text: nullable(TEXT) },
    ({ index, question_id, prompt, text }) => ({ ...byId(question_id, text), row: index, prompt }),
  ),
  // Source: LLaVA model_vqa_loader.py
  recordFormat<{ question_id: Id; prompt: string; text: string }>(
    'LLaVA answers',
    { question_id: ID, prompt: TEXT, text: TEXT },
    ({ question_id, prompt, text }) => ({ ...byId(question_id, text), prompt }),
  ),
  recordFormat<{ question_id: Id; text: string }>(
    'LLaVA answers without prompts',
    { question_id: ID, text: TEXT },
    ({ question_id, text }) => byId(question_id, text),
  ),
  // Source: lmms-eval evaluation_tracker.py, save_results_samples
  recordFormat<LmmsEvalSample>('lmms-eval samples', { doc_id: COUNT, filtered_resps: RESPONSES }, fromSample),
  recordFormat<LmmsEvalSample>('lmms-eval samples', { doc_id: COUNT, resps: RESPONSES }, fromSample),
  // Source: LLaVA convert_vqav2_for_submission.py
  recordFormat<{ question_id: Id; answer: string }>(
    'VQA results',
    { question_id: ID, answer: TEXT },
    ({ question_id, answer }) => byId(question_id, answer),
  ),
  // Source: LLaVA convert_seed_for_submission.py
  recordFormat<{ question_id: Id; prediction: string }>(
    'SEED-Bench predictions',
    { question_id: ID, prediction: TEXT },
    ({ question_id, prediction }) => byId(question_id, prediction),
  ),
  // Source: LLaVA convert_gqa_for_eval.py
  recordFormat<{ questionId: Id; prediction: string }>(
    'GQA predictions',
    { questionId: ID, prediction: TEXT },
    ({ questionId, prediction }) => byId(questionId, prediction),
  ),
  // Source: LLaVA convert_vizwiz_for_submission.py
  recordFormat<{ image: string; answer: string }>(
    'VizWiz results',
    { image: TEXT, answer: TEXT },
    ({ image, answer }) => ({ id: image, idKind: 'image', prompt: null, answer }),
  ),
];

/** The format of a record by the names of its fields; undefined when it is none. */
export function findRecordFormat(record: unknown): RecordFormat | undefined {
  if (typeof record !== 'object' || record === null) return undefined;
  return RECORD_FORMATS.find(({ keys }) => keys.every((key) => key in record));
}

/** The fields of every format, for the message to who has another. */
export const RECORD_FIELDS = RECORD_FORMATS.map(({ name, keys }) => `${name}: ${keys.join(', ')}`).join('; ');
