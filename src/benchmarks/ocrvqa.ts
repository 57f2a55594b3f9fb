import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { noImages } from '../datasets/no-images.js';
import { ImageError, UserError } from '../shared/errors.js';
import { ID, objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import { pyStrip } from '../shared/python-strings.js';
import { type BenchmarkDefinition, type LoadedBenchmark, type LoadOptions, OFFICIAL_OPTIONS } from './benchmark.js';
import { SHORT_ANSWER } from './shared/instructions.js';
import { openBenchmarkImages } from './shared/open-images.js';
import { readMembers } from './shared/read-members.js';
import { readRecordLines } from './shared/read-records.js';
import { chosenSplit } from './shared/splits.js';
import { accuracyScore } from './shared/statistics.js';

const ANNOTATIONS = 'dataset.json';
const HR_QUESTIONS = 'ocrvqa_test.jsonl';
const HOME = 'https://ocr-vqa.github.io';
const ORIGIN = `It is OCR-VQA's annotation file: download it from the folder linked from ${HOME}.`;

/** Number of the test split in dataset.json (1 training, 2 validation). Source: OCR-VQA loadDataset.py */
const TEST = 3;

/** Limit of LLaVA-HR model_vqa_loader.py. */
const MAX_NEW_TOKENS = 128;

/** The fields we use of a record of dataset.json: a book and its cover. */
interface Annotation {
  imageURL: string;
  questions: string[];
  answers: string[];
  split: number;
}

const TEXTS = { type: 'array', items: TEXT };

const annotationCheck = schemaCheck<Annotation>(
  objectOf<Annotation>({ imageURL: TEXT, questions: TEXTS, answers: TEXTS, split: { enum: [1, 2, TEST] } }),
);

/** A line of LLaVA-HR's question file, which includes the answers. */
interface PromptLine {
  question_id: string | number;
  image: string;
  text: string;
  answer: string;
}

const promptLineCheck = schemaCheck<PromptLine>(
  objectOf<PromptLine>({ question_id: ID, image: TEXT, text: TEXT, answer: TEXT }),
);

/**
 * OCR-VQA, test split: questions about book covers. The score is the accuracy of LLaVA-HR's eval_ocrvqa.py. lmms-eval has
 * no OCR-VQA task, so both protocols are the same.
 */
export const ocrVqa: BenchmarkDefinition = {
  name: 'ocrvqa',
  title: 'OCR-VQA',
  metric: 'exact match',
  splits: [
    {
      name: 'test',
      questions: 100_037,
      images: 20_797,
      scored: 'here',
      note: 'many covers can no longer be downloaded; questions about missing covers count as wrong',
    },
  ],
  options: OFFICIAL_OPTIONS,
  load,
};

async function load(folder: string, { protocol, limit, ...options }: LoadOptions): Promise<LoadedBenchmark> {
  const promptPath = join(folder, HR_QUESTIONS);
  const hrQuestions = existsSync(promptPath);
  const path = hrQuestions ? promptPath : join(folder, ANNOTATIONS);
  const { rows: all, alternativeNames } = hrQuestions ? await rowsOfHr(path) : await rowsOfDataset(path, limit);
  const rows = all.slice(0, limit);
  const scoreOne = (index: number, answer: string): number =>
    Number(normalised(answer) === normalised(rows[index]!.answer));

  return {
    name: 'ocrvqa',
    split: chosenSplit(ocrVqa, options.split),
    questions: rows.map(({ id, image, text }, index) => ({ index, questionId: id, image, text })),
    images:
      options.images === false ? noImages(folder) : withAlternativeNames(await openImages(folder), alternativeNames),
    maxNewTokens: MAX_NEW_TOKENS,
    files: [path],
    protocol: { protocol, questionFile: hrQuestions, limit: limit ?? null },
    gold: (index) => rows[index]!.answer,
    scoreOne,
    missingAnswers: { treatment: 'eval_ocrvqa.py takes the mean over the answers that are there.' },
    score: (answers, part) => accuracyScore(answers, scoreOne, part),
    submission: () => [],
  };
}

/** Normalises a text for comparison. Source: LLaVA-HR eval_ocrvqa.py */
function normalised(text: string): string {
  return pyStrip(text).toLowerCase();
}

interface Row {
  id: string | number;
  image: string;
  text: string;
  answer: string;
}

interface Rows {
  rows: Row[];
  /** Alternative file names of images, by name. */
  alternativeNames: ReadonlyMap<string, string>;
}

/**
 * Rows from dataset.json: the questions of each book, in file order. A cover is named `<key>.jpg`, as saved by LLaVA, or
 * keeps the extension of its URL, as saved by the benchmark's own script.
 */
async function rowsOfDataset(path: string, limit = Number.POSITIVE_INFINITY): Promise<Rows> {
  const rows: Row[] = [];
  const alternativeNames = new Map<string, string>();
  for await (const [key, record] of readMembers<Annotation>({ path, check: annotationCheck, origin: ORIGIN })) {
    const { split, questions, answers, imageURL } = record;
    if (split !== TEST) continue;
    if (questions.length !== answers.length) {
      throw new UserError(`${path}, record "${key}" has ${questions.length} questions but ${answers.length} answers.`);
    }
    const image = `${key}.jpg`;
    const saved = `${key}${extname(imageURL)}`;
    if (saved !== image) alternativeNames.set(image, saved);
    questions.forEach((question, i) => {
      rows.push({ id: `${key}-${i}`, image, text: question + SHORT_ANSWER, answer: answers[i]! });
    });
    if (rows.length >= limit) break;
  }
  if (rows.length === 0) throw new UserError(`${path} has no records of the test split (split ${TEST}). ${ORIGIN}`);
  return { rows, alternativeNames };
}

/**
 * URLs of the test split's covers, by file name.
 * @throws UserError when dataset.json is missing or broken
 */
export async function ocrVqaImageAddresses(folder: string): Promise<Map<string, string>> {
  const addresses = new Map<string, string>();
  const file = { path: join(folder, ANNOTATIONS), check: annotationCheck, origin: ORIGIN };
  for await (const [key, { split, imageURL }] of readMembers<Annotation>(file)) {
    if (split === TEST) addresses.set(`${key}${extname(imageURL)}`, imageURL);
  }
  return addresses;
}

/**
 * Rows from LLaVA-HR's question file. As in eval_ocrvqa.py, answers are looked up by id and prompt; among duplicates, the
 * last one counts.
 */
async function rowsOfHr(path: string): Promise<Rows> {
  const origin =
    `It is LLaVA-HR's question file: extract ocrvqa/${HR_QUESTIONS} from the eval_aug.zip linked from ` +
    'github.com/luogen1996/LLaVA-HR, or delete the file to have the prompts built.';
  const lines = await readRecordLines<PromptLine>({ path, check: promptLineCheck, origin });
  const keyOf = ({ question_id, text }: PromptLine) => `${question_id}${text}`;
  const answerOf = new Map(lines.map((line) => [keyOf(line), line.answer]));
  const rows = lines.map((line) => ({
    id: line.question_id,
    image: line.image,
    text: line.text,
    answer: answerOf.get(keyOf(line))!,
  }));
  return { rows, alternativeNames: new Map() };
}

/** Falls back to an image's alternative name when it is missing under the first. */
function withAlternativeNames(images: ImageSource, alternativeNames: ReadonlyMap<string, string>): ImageSource {
  return {
    async read(image) {
      try {
        return await images.read(image);
      } catch (error) {
        const other = alternativeNames.get(image);
        if (other === undefined || !(error instanceof ImageError) || error.code !== 'missing') throw error;
        return images.read(other).catch((otherError) => {
          const isMissingToo = otherError instanceof ImageError && otherError.code === 'missing';
          throw isMissingToo ? error : otherError;
        });
      }
    },
    async stamp(image) {
      const other = alternativeNames.get(image);
      return (await images.stamp(image)) ?? (other === undefined ? null : images.stamp(other));
    },
    close: () => images.close(),
  };
}

function openImages(folder: string): Promise<ImageSource> {
  const origin = `Download the book covers with the script linked from ${HOME}.`;
  return openBenchmarkImages(folder, { names: ['images'], origin });
}
