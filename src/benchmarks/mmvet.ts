import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { noImages } from '../datasets/no-images.js';
import { UserError } from '../shared/errors.js';
import { objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import { pythonJson } from '../shared/python-json.js';
import {
  type Answers,
  type BenchmarkDefinition,
  type LoadedBenchmark,
  type LoadOptions,
  OFFICIAL_OPTIONS,
  type Protocol,
  type SubmissionFile,
} from './benchmark.js';
import { isAbout, type LlavaQuestion, readLlavaQuestions } from './shared/llava-questions.js';
import { LMMS_EVAL_MEAN } from './shared/missing-answers.js';
import { openBenchmarkImages } from './shared/open-images.js';
import { readMembers } from './shared/read-members.js';
import { chosenSplit } from './shared/splits.js';

const ANNOTATIONS = 'mm-vet.json';
const QUESTION_FILE = 'llava-mm-vet.jsonl';
const DOWNLOAD = 'https://github.com/yuweihao/MM-Vet/releases/download/v1/mm-vet.zip';

/**
 * LLaVA-HR mmvet.sh (LLaVA model_vqa.py: 1024) and lmms-eval mmvet.yaml. Only a model that repeats itself reaches them.
 */
const MAX_NEW_TOKENS: Record<Protocol, number> = { llava: 2048, 'lmms-eval': 1024 };

/** LLaVA asks the plain question; lmms-eval asks for reasoning first. Source: lmms_eval/tasks/mmvet/mmvet.yaml */
const PREFIX: Record<Protocol, string> = {
  llava: '',
  'lmms-eval':
    'First please perform reasoning, and think step by step to provide best answer to the following question: \n\n',
};

/** The fields we use of a record in mm-vet.json. */
export interface MmVetRecord {
  imagename: string;
  question: string;
  /** Required parts are joined by <AND>, alternatives by <OR>. */
  answer: string;
  /** One or more of rec, ocr, know, gen, spat, math. */
  capability: string[];
}

const recordCheck = schemaCheck<MmVetRecord>(
  objectOf<MmVetRecord>({
    imagename: TEXT,
    question: TEXT,
    answer: TEXT,
    capability: { type: 'array', items: TEXT, minItems: 1, uniqueItems: true },
  }),
);

/**
 * MM-Vet: open-ended questions whose answers are graded by a language model; see `gradeMmVet` in mmvet-judge.ts.
 * `submission` gives the answer file for the official grading script.
 */
export const mmVet: BenchmarkDefinition = {
  name: 'mmvet',
  title: 'MM-Vet',
  metric: 'mean grade (GPT-4)',
  splits: [{ name: 'test', questions: 218, images: 200, scored: 'judge' }],
  options: {
    ...OFFICIAL_OPTIONS,
    judge: 'optional',
    judgeModel: 'optional',
    judgeRuns: 'optional',
    judgeKey: 'optional',
    judgePrices: 'optional',
  },
  load,
  openImages,
};

async function load(folder: string, { protocol, limit, ...options }: LoadOptions): Promise<LoadedBenchmark> {
  const split = chosenSplit(mmVet, options.split);
  const questionPath = join(folder, QUESTION_FILE);
  const usesQuestionFile = protocol === 'llava' && existsSync(questionPath);
  const records = await readMmVetRecords(folder);
  const lines = usesQuestionFile ? await readQuestionFile(questionPath, records) : linesOf(records);
  const rows = lines.slice(0, limit);

  return {
    name: 'mmvet',
    split,
    questions: rows.map(({ question_id: questionId, image, text }, index) => ({
      index,
      questionId,
      image,
      text: PREFIX[protocol] + text,
    })),
    images: options.images === false ? noImages(folder) : await openImages(folder),
    maxNewTokens: MAX_NEW_TOKENS[protocol],
    files: [annotationPath(folder), ...(usesQuestionFile ? [questionPath] : [])],
    protocol: { protocol, questionFile: usesQuestionFile, limit: limit ?? null },
    gold: (index) => records.get(mmVetId(rows[index]!.question_id))!.answer,
    category: (index) => records.get(mmVetId(rows[index]!.question_id))!.capability.join(', '),
    scoreOne: () => null,
    score: () => null,
    missingAnswers: protocol === 'lmms-eval' ? LMMS_EVAL_MEAN : undefined,
    submission: (answers) => [answerFile(rows, answers)],
  };
}

/** Converts a question's number, as in LLaVA's files and `Question`, to its id in mm-vet.json. */
export function mmVetId(questionId: string | number): string {
  return `v1_${questionId}`;
}

/** The records of mm-vet.json by id ("v1_0" etc.), in file order. @throws UserError when the file is missing or invalid */
export async function readMmVetRecords(folder: string): Promise<Map<string, MmVetRecord>> {
  const path = annotationPath(folder);
  const origin = `It is part of ${DOWNLOAD}: unpack that into ${folder}.`;
  const records = new Map<string, MmVetRecord>();
  for await (const [id, record] of readMembers({ path, check: recordCheck, origin })) {
    if (!/^v1_(?:0|[1-9]\d*)$/.test(id))
      throw new UserError(`${path}: invalid id ${JSON.stringify(id)}; ids must look like "v1_0".`);
    records.set(id, record);
  }
  return records;
}

function annotationPath(folder: string): string {
  return join(folder, ANNOTATIONS);
}

/** The lines of LLaVA's question file for these records. */
function linesOf(records: ReadonlyMap<string, MmVetRecord>): LlavaQuestion[] {
  return Array.from(records, ([id, { imagename, question }]) => ({
    question_id: Number(id.slice('v1_'.length)),
    image: imagename,
    text: question,
  }));
}

async function readQuestionFile(path: string, records: ReadonlyMap<string, MmVetRecord>): Promise<LlavaQuestion[]> {
  const origin = `It is LLaVA's question file, mm-vet/${QUESTION_FILE} in its eval.zip.`;
  const lines = await readLlavaQuestions(path, origin);
  for (const [i, line] of lines.entries()) {
    const id = mmVetId(line.question_id);
    const known = records.get(id);
    if (known && isAbout(line, { image: known.imagename, question: known.question })) continue;
    const problem = known
      ? `question "${id}" of ${ANNOTATIONS} is another one`
      : `${ANNOTATIONS} has no question "${id}"`;
    throw new UserError(`${path}, record ${i + 1}: ${problem}.`);
  }
  return lines;
}

function openImages(folder: string): Promise<ImageSource> {
  return openBenchmarkImages(folder, {
    names: ['images'],
    archive: { zip: 'mm-vet.zip', inside: 'mm-vet/images' },
    origin: `Download ${DOWNLOAD} (67 MB) into it.`,
  });
}

/**
 * The file that LLaVA's convert_mmvet_for_eval.py writes for MM-Vet's evaluator. The evaluator aborts at a missing id, so
 * questions without an answer get an empty one.
 */
function answerFile(rows: readonly LlavaQuestion[], answers: Answers): SubmissionFile {
  const byId = Object.fromEntries(rows.map(({ question_id: number }, i) => [mmVetId(number), answers[i] ?? '']));
  return { name: 'mmvet_results.json', content: pythonJson(byId, 2) };
}
