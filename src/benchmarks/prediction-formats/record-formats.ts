import type { SchemaObject } from 'ajv';
import { ID, objectOf, type SchemaCheck, schemaCheck, TEXT } from '../../shared/json-schema.js';
import { lmmsEvalRecord, lmmsEvalSchema } from './lmms-eval-samples.js';
import type { PredictionRecord } from './prediction-record.js';

/** A format with one JSON object per answer, on separate lines or in a list. */
export interface RecordFormat {
  name: string;
  /** Keys that all records of this format have. */
  keys: readonly string[];
  check: SchemaCheck<unknown>;
  /**
   * @param record one that passes `check`
   * @param place index of the record in its file
   * @returns null for a record that marks its question as unanswered
   */
  toPrediction(record: unknown, place: number): PredictionRecord | null;
}

type Id = string | number;
/** An answer in a file: some programs write numbers without quotes. */
type Answer = string | number | null;

/** Numbers beyond 2^53 would be other ones than in the file. */
export const ANSWER: SchemaObject = { ...ID, type: ['string', 'number', 'null'] };

function recordFormat<T>(
  name: string,
  required: Record<string, SchemaObject>,
  toPrediction: (record: T, place: number) => PredictionRecord | null,
): RecordFormat {
  return {
    name,
    keys: Object.keys(required),
    check: schemaCheck<unknown>(objectOf<Record<string, unknown>>(required)),
    toPrediction: (record, place) => toPrediction(record as T, place),
  };
}

/** An answer to the question with this id. @param record may have the prompt or the question too */
function byId(id: Id, answer: Answer, record: object): PredictionRecord {
  return { id, idKind: 'question', prompt: promptIn(record), answer: answerText(answer) };
}

/** The prompt in a record, or else the question; null if there is none. */
function promptIn(record: { prompt?: unknown; question?: unknown }): string | null {
  const { prompt, question } = record;
  return [prompt, question].find((text): text is string => typeof text === 'string' && text.trim() !== '') ?? null;
}

/** An answer to a question without an id. */
function byPlace(place: number, question: string, answer: Answer): PredictionRecord {
  return { id: place, idKind: 'row', prompt: promptText(question), answer: answerText(answer) };
}

/** Converts numbers like Python's `str`, which agrees for integers and most others. */
export function answerText(answer: Answer): string | null {
  return answer === null ? null : String(answer);
}

/** Treats a blank prompt as missing. */
function promptText(prompt: string | null): string | null {
  return prompt === null || prompt.trim() === '' ? null : prompt;
}

/**
 * VLMEvalKit stores this, and more after it, when a model's server or, with SKIP_ERR, the model did not answer.
 * Source: VLMEvalKit vlmeval/inference.py
 */
const VLMEVALKIT_FAILURE = 'Failed to obtain answer';

/** The fields used here from a row of VLMEvalKit's prediction table. */
interface VlmEvalKitRow {
  index: Id;
  question: Answer;
  prediction: Answer;
  hint?: Answer;
  answer?: Answer;
  /** VizWiz's human answers. */
  answers?: Answer;
  category?: Answer;
  image_path?: Answer;
  [option: string]: Answer | undefined;
}

/** VLMEvalKit has its own numbering, so rows are matched by position. Source: VLMEvalKit vlmeval/inference.py */
function fromVlmEvalKit(row: VlmEvalKitRow, place: number): PredictionRecord {
  const options = ['A', 'B', 'C', 'D', 'E'].flatMap((letter) => {
    const option = row[letter] ?? '';
    return option === '' ? [] : [`${letter}. ${option}`];
  });
  const hint = row.hint ?? '';
  const prompt = [...(hint === '' ? [] : [`Context: ${hint}`]), row.question ?? '', ...options].join('\n');
  const answer = row.prediction ?? ''; // an empty cell
  const { category, image_path: image } = row;
  const target = row.answer ?? row.answers;
  return {
    id: place,
    idKind: 'row',
    prompt: promptText(prompt),
    ...(target == null ? {} : { target: String(target) }),
    ...(typeof image === 'string' ? { image } : {}),
    // POPE's rows belong to several: "adversarial,popular".
    ...(typeof category === 'string' ? { categories: category.split(',') } : {}),
    answer: String(answer).startsWith(VLMEVALKIT_FAILURE) ? null : answerText(answer),
  };
}

/** Fields of a model's answer in records whose "answer", if any, is the correct one. */
const PREDICTION_FIELDS = [
  ...['prediction', 'pred', 'response', 'output', 'model_answer', 'model_output', 'model_response', 'pred_answer'],
  ...['predicted_answer', 'generated_answer', 'generated_text'],
];

/** The first matching format applies, so formats that need more keys come first. */
const RECORD_FORMATS: readonly RecordFormat[] = [
  recordFormat<{ index: Id; question_id: Id; prompt: string | null; text: Answer }>(
    'llavahr predictions',
    { index: ID, question_id: ID, prompt: { type: ['string', 'null'] }, text: ANSWER },
    (record) => ({
      ...byId(record.question_id, record.text, record),
      row: Number(record.index), // a text in a table
    }),
  ),
  // Source: LLaVA model_vqa_loader.py
  recordFormat<{ question_id: Id; prompt: string | null; text: Answer }>(
    'LLaVA answers',
    { question_id: ID, prompt: { type: ['string', 'null'] }, text: ANSWER },
    (record) => byId(record.question_id, record.text, record),
  ),
  recordFormat<{ question_id: Id; text: Answer }>(
    'LLaVA answers without prompts',
    { question_id: ID, text: ANSWER },
    (record) => byId(record.question_id, record.text, record),
  ),
  // Source: lmms-eval evaluation_tracker.py, save_results_samples
  {
    name: 'lmms-eval samples',
    keys: ['doc_id', 'filtered_resps'],
    check: schemaCheck(lmmsEvalSchema('filtered_resps')),
    toPrediction: lmmsEvalRecord,
  },
  {
    name: 'lmms-eval samples',
    keys: ['doc_id', 'resps'],
    check: schemaCheck(lmmsEvalSchema('resps')),
    toPrediction: lmmsEvalRecord,
  },
  recordFormat<VlmEvalKitRow>(
    'VLMEvalKit predictions',
    { index: ID, question: ANSWER, prediction: ANSWER },
    fromVlmEvalKit,
  ),
  // Source: LLaVA eval_science_qa.py, --output-file
  recordFormat<{ question_id: Id; parsed_ans: string; question: string; pred: string }>(
    'ScienceQA analyses',
    { question_id: ID, parsed_ans: TEXT, question: TEXT, pred: TEXT },
    (record) =>
      record.question === 'Unknown' && record.pred === 'FAILED' ? null : byId(record.question_id, record.pred, record),
  ),
  // Source: LLaVA convert_gqa_for_eval.py
  recordFormat<{ questionId: Id; prediction: Answer }>(
    'GQA predictions',
    { questionId: ID, prediction: ANSWER },
    (record) => byId(record.questionId, record.prediction, record),
  ),
  // SEED-Bench: LLaVA convert_seed_for_submission.py. In a record with a prediction, "answer" is the correct answer.
  ...PREDICTION_FIELDS.flatMap((field) => [
    recordFormat<{ question_id: Id } & Record<string, Answer>>(
      field === 'prediction' ? 'SEED-Bench predictions' : `answers (${field})`,
      { question_id: ID, [field]: ANSWER },
      (record) => byId(record.question_id, record[field]!, record),
    ),
    recordFormat<{ question: string; answer: Answer } & Record<string, Answer>>(
      `answers with questions (${field})`,
      { question: TEXT, answer: ANSWER, [field]: ANSWER },
      (record, place) => ({ ...byPlace(place, record.question, record[field]!), target: String(record.answer) }),
    ),
  ]),
  // Source: LLaVA convert_vqav2_for_submission.py
  recordFormat<{ question_id: Id; answer: Answer }>('VQA results', { question_id: ID, answer: ANSWER }, (record) =>
    byId(record.question_id, record.answer, record),
  ),
  // Source: LLaVA convert_vizwiz_for_submission.py
  recordFormat<{ image: string; answer: Answer }>(
    'VizWiz results',
    { image: TEXT, answer: ANSWER },
    ({ image, answer }) => ({ id: image, idKind: 'image', prompt: null, answer: answerText(answer) }),
  ),
  // Source: POPE README.md, "Evaluation"; evaluate.py reads answers and labels line by line.
  recordFormat<{ question: string; answer: Answer }>(
    'POPE answers',
    { question: TEXT, answer: ANSWER },
    ({ question, answer }, place) => byPlace(place, question, answer),
  ),
];

/** Detects the format of a record from its field names; undefined if unknown. */
export function findRecordFormat(record: unknown): RecordFormat | undefined {
  if (typeof record !== 'object' || record === null) return undefined;
  return RECORD_FORMATS.find(({ keys }) => keys.every((key) => key in record));
}
