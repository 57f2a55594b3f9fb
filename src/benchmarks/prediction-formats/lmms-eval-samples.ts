import type { SchemaObject } from 'ajv';
import { UserError } from '../../shared/errors.js';
import { COUNT } from '../../shared/json-schema.js';
import type { PredictionRecord } from './prediction-record.js';

/** The answers to a question in lmms-eval's log: a list, possibly nested; null without an answer. */
type Responses = string | null | readonly Responses[];

const TEXT_OR_NULL: SchemaObject = { type: ['string', 'null'] };
const RESPONSES: SchemaObject = {
  anyOf: [
    TEXT_OR_NULL,
    {
      type: 'array',
      minItems: 1,
      items: { anyOf: [TEXT_OR_NULL, { type: 'array', minItems: 1, items: TEXT_OR_NULL }] },
    },
  ],
};

/**
 * The fields used here from a sample in lmms-eval's log. Versions differ in optional fields and in where the prompt is.
 */
interface LmmsEvalSample {
  doc_id: number;
  doc?: unknown;
  target?: unknown;
  input?: unknown;
  arguments?: unknown;
  filtered_resps?: Responses;
  resps?: Responses;
  [metric: string]: unknown;
}

/** @param responses the required field with the answer */
export function lmmsEvalSchema(responses: 'filtered_resps' | 'resps'): SchemaObject {
  return {
    type: 'object',
    properties: { doc_id: COUNT, [responses]: RESPONSES },
    required: ['doc_id', responses],
  };
}

/**
 * Converts a sample. lmms-eval scores the filtered response. `doc_id` is only a row number in lmms-eval's edition of
 * the dataset, so the question's id is taken from where the task puts it: the inputs of metrics
 * (`seed_all.question_id`), the submission, or the document in old logs.
 * Source: lmms_eval/evaluator.py and the process_results functions of its tasks
 */
export function lmmsEvalRecord(record: unknown): PredictionRecord {
  const sample = record as LmmsEvalSample;
  const { doc, doc_id, target } = sample;
  const id = carriedId(sample);
  return {
    ...(id === null ? { id: doc_id, idKind: 'row' } : { id, idKind: 'source', row: doc_id }),
    prompt: promptOf(sample),
    ...(isObject(doc) && typeof doc['category'] === 'string' ? { categories: [doc['category']] } : {}),
    ...(typeof target === 'number' || (typeof target === 'string' && target !== NO_TARGET)
      ? { target: String(target) }
      : {}),
    answer: firstResponse(sample.filtered_resps ?? sample.resps ?? null),
  };
}

/**
 * The target of a task whose documents have only `answers`: `doc_to_target: "answer"` then stands for itself, as in VQAv2,
 * TextVQA, VizWiz and OK-VQA. Source: lmms_eval/api/task.py, doc_to_target
 */
const NO_TARGET = 'answer';

function firstResponse(responses: Responses): string | null {
  return responses === null || typeof responses === 'string' ? responses : firstResponse(responses[0] ?? null);
}

function carriedId(sample: LmmsEvalSample): string | number | null {
  for (const value of Object.values(sample)) {
    if (!isObject(value)) continue;
    const id = value['question_id'] ?? value['questionId'];
    if (typeof id === 'string' || typeof id === 'number') return exactId(id);
  }
  const { submission, doc } = sample;
  const image = isObject(submission) ? submission['image'] : undefined;
  if (typeof image === 'string') return image;
  const docId = isObject(doc) ? doc['id'] : undefined;
  return isObject(doc) && 'imageId' in doc && typeof docId === 'string' ? docId : null; // GQA
}

/** @throws UserError for a number that was rounded when it was read */
function exactId(id: string | number): string | number {
  if (typeof id === 'string' || Number.isSafeInteger(id)) return id;
  throw new UserError(`The question id ${id} is no integer below 2^53, so it may be another one than in the file.`);
}

/** The prompt, which is a string or inside a list of arguments or chat messages; otherwise the question in old logs. */
function promptOf({ input, arguments: args, doc }: LmmsEvalSample): string | null {
  return textIn(input) ?? textIn(args) ?? (isObject(doc) ? textIn(doc['question']) : null);
}

/** The first non-empty string in a value, searching lists and objects. */
function textIn(value: unknown, depth = 0): string | null {
  if (typeof value === 'string') return value.trim() === '' ? null : value;
  if (depth > MAX_DEPTH || typeof value !== 'object' || value === null) return null;
  const parts = Array.isArray(value)
    ? value
    : [
        value['content' as keyof typeof value],
        value['text' as keyof typeof value],
        value['gen_args_0' as keyof typeof value],
        value['arg_0' as keyof typeof value],
      ];
  for (const part of parts) {
    const text = textIn(part, depth + 1);
    if (text !== null) return text;
  }
  return null;
}

const MAX_DEPTH = 6;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
