import { existsSync, statSync } from 'node:fs';
import type { ImageSource } from '../datasets/image-source.js';
import { openImageFolder, openImageZip } from '../datasets/image-source.js';
import { noImages } from '../datasets/no-images.js';
import { UserError, usageError } from '../shared/errors.js';
import { ID, schemaCheck, TEXT } from '../shared/json-schema.js';
import { readUtf8 } from '../shared/utf8-text.js';
import type { Answers, BenchmarkDefinition, LoadedBenchmark, Score } from './benchmark.js';
import { CUSTOM_METRICS, type CustomMetric, type Grader } from './custom-metrics.js';
import { parse, unreadable } from './shared/read-records.js';
import { meanPercent, meanStatistic, pick } from './shared/statistics.js';
import { mostFrequent } from './shared/vqa-accuracy.js';

/** Limit of LLaVA-HR model_vqa_loader.py. */
const MAX_NEW_TOKENS = 128;

const FORMAT = 'The file must contain a JSON list of questions, or one question per line.';

/** Your own questions and images; `folder` is the image folder or zip archive. */
export const custom: BenchmarkDefinition = {
  name: 'custom',
  title: 'Your own questions',
  metric: 'chosen with --metric',
  splits: [],
  options: { questions: 'required', images: 'required', metric: 'required' },
  async load(folder, { questions, metric, limit, images }) {
    if (questions === undefined || metric === undefined) throw usageError('custom needs --questions and --metric.');
    if (!Object.hasOwn(CUSTOM_METRICS, metric)) {
      throw usageError(`Unknown metric "${metric}". Available: ${Object.keys(CUSTOM_METRICS).join(', ')}.`);
    }
    const options = { questions, metric: metric as CustomMetric, limit };
    return loadCustom(images === false ? options : { ...options, images: folder });
  },
  openImages: openCustomImages,
};

/** Your own questions, in LLaVA's question format plus the correct answers. */
export interface CustomOptions {
  /** JSON file with a list of records, or JSON Lines. */
  questions: string;
  /** Folder or zip archive with the images. Not needed for scoring existing answers. */
  images?: string;
  metric: CustomMetric;
  /** Default: 128. */
  maxNewTokens?: number;
  /** Only the first n questions. */
  limit?: number;
}

interface QuestionRecord {
  question_id: string | number;
  image: string;
  /** The complete prompt; nothing is added to it. */
  text: string;
  answer?: string;
  answers?: string[];
}

const recordCheck = schemaCheck<QuestionRecord>({
  type: 'object',
  properties: {
    question_id: ID,
    image: TEXT,
    text: TEXT,
    answer: TEXT,
    answers: { type: 'array', items: TEXT, minItems: 1 },
  },
  required: ['question_id', 'image', 'text'],
});

/**
 * Loads your own data as a benchmark.
 * @throws UserError when a file is missing, or when a record is invalid, naming its line or number
 */
export async function loadCustom(options: CustomOptions): Promise<LoadedBenchmark> {
  const { questions: path, metric, limit, maxNewTokens = MAX_NEW_TOKENS } = options;
  const rows = (await readRows(path, metric)).slice(0, limit);
  return {
    name: 'custom',
    split: 'all',
    questions: rows.map(({ record: { question_id, image, text } }, index) => ({
      index,
      questionId: question_id,
      image,
      text,
    })),
    images: options.images === undefined ? noImages(path) : await openCustomImages(options.images),
    maxNewTokens,
    files: [path],
    protocol: { metric, limit: limit ?? null },
    gold: (index) => mostFrequent(rows[index]!.answers),
    humanAnswers: (index) => rows[index]!.answers,
    scoreOne: (index, answer) => rows[index]!.grade(answer) ?? 0,
    score: (answers, part) => score(pick(rows, part), pick(answers, part)),
    submission: () => [],
  };
}

interface Row {
  record: QuestionRecord;
  answers: string[];
  grade: Grader;
}

function score(rows: readonly Row[], answers: Answers): Score {
  const grades = rows.map(({ grade }, i) => (answers[i] == null ? 0 : grade(answers[i])));
  const perQuestion = grades.map((grade) => grade ?? 0);
  return {
    headline: 'accuracy',
    scores: { accuracy: meanPercent(perQuestion) },
    counts: { accuracy: rows.length },
    n: rows.length,
    failed: rows.filter((_, i) => answers[i] == null).length,
    unparsable: grades.filter((grade) => grade === null).length,
    perQuestion,
    statistics: { accuracy: meanStatistic(perQuestion) },
    notes: [],
  };
}

async function readRows(path: string, metric: CustomMetric): Promise<Row[]> {
  const placeOf = new Map<string, string>();
  const rows = parseFile(await readText(path), path).map(({ value, where }): Row => {
    if (!recordCheck.fits(value)) throw new UserError(`${where}: ${recordCheck.problem()}`);
    const { question_id: id, text, answer, answers } = value;
    if (text.trim() === '') throw new UserError(`${where}: the question is empty.`);
    const other = placeOf.get(String(id));
    if (other !== undefined) {
      throw new UserError(`${where}: question_id ${JSON.stringify(id)} is also that of ${other}. Ids must be unique.`);
    }
    placeOf.set(String(id), where);
    if ((answer === undefined) === (answers === undefined)) {
      const has = answer === undefined ? 'neither "answer" nor "answers"' : 'both "answer" and "answers"';
      throw new UserError(`${where} has ${has}; exactly one is required.`);
    }
    const right = answers ?? [answer!];
    const grader = CUSTOM_METRICS[metric](right);
    if (typeof grader === 'string') throw new UserError(`${where}: ${grader}`);
    return { record: value, answers: right, grade: grader };
  });
  if (rows.length === 0) throw new UserError(`${path} has no questions. ${FORMAT}`);
  return rows;
}

async function readText(path: string): Promise<string> {
  try {
    return await readUtf8(path);
  } catch (error) {
    throw unreadable(path, FORMAT, error);
  }
}

/** The values of a JSON list, or of JSON Lines with empty lines skipped, and their positions for messages. */
function parseFile(text: string, path: string): { value: unknown; where: string }[] {
  if (text.trimStart().startsWith('[')) {
    const list = parse(text, path) as unknown[];
    return list.map((value, i) => ({ value, where: `${path}, record ${i + 1}` }));
  }
  return text.split('\n').flatMap((line, i) => {
    const where = `${path}, line ${i + 1}`;
    return line.trim() === '' ? [] : [{ value: parse(line, where), where }];
  });
}

/** Opens images in a folder or zip archive. @throws UserError when it does not exist */
async function openCustomImages(path: string): Promise<ImageSource> {
  if (!existsSync(path)) throw new UserError(`The image folder or archive ${path} does not exist.`);
  if (statSync(path).isDirectory()) return openImageFolder(path);
  if (path.toLowerCase().endsWith('.zip')) return openImageZip(path);
  throw new UserError(`${path} is neither a folder of images nor a zip archive.`);
}
