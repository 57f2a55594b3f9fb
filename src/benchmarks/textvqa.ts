import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { noImages } from '../datasets/no-images.js';
import { UserError } from '../shared/errors.js';
import { COUNT, objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import { pyCapitalize } from '../shared/python-strings.js';
import { type BenchmarkDefinition, type LoadedBenchmark, type LoadOptions, OFFICIAL_OPTIONS } from './benchmark.js';
import { processAnswer } from './shared/evalai-answer-processor.js';
import { SHORT_ANSWER } from './shared/instructions.js';
import { LMMS_EVAL_MEAN } from './shared/missing-answers.js';
import { openBenchmarkImages } from './shared/open-images.js';
import { readRecordLines, readRecords } from './shared/read-records.js';
import { chosenSplit } from './shared/splits.js';
import { accuracyScore } from './shared/statistics.js';
import { mostFrequent, vqaAccuracy } from './shared/vqa-accuracy.js';

const ANNOTATIONS = 'TextVQA_0.5.1_val.json';
const OCR_QUESTIONS = 'llava_textvqa_val_v051_ocr.jsonl';
const IMAGE_FOLDER = 'train_images'; // the archive stores the validation images with the training images
const IMAGE_ZIP = 'train_val_images.zip';
const DOWNLOADS = 'https://dl.fbaipublicfiles.com/textvqa';

/** Limit of LLaVA-HR model_vqa_loader.py. */
const MAX_NEW_TOKENS = 128;

/** The fields we use of a record in TextVQA_0.5.1_val.json. */
interface Annotation {
  /** Which LLaVA's files do not have: there the id is the image's. */
  question_id?: number;
  image_id: string;
  question: string;
  answers: string[];
}

const annotationCheck = schemaCheck<Annotation>({
  type: 'object',
  properties: {
    question_id: COUNT,
    image_id: TEXT,
    question: TEXT,
    answers: { type: 'array', items: TEXT, minItems: 10, maxItems: 10 },
  },
  required: ['image_id', 'question', 'answers'],
});

/** A line of LLaVA's question file: the complete prompt, with the image's id as question id. */
interface PromptLine {
  question_id: string;
  image: string;
  text: string;
}

const promptLineCheck = schemaCheck<PromptLine>(objectOf<PromptLine>({ question_id: TEXT, image: TEXT, text: TEXT }));

/**
 * TextVQA, validation split of version 0.5.1. The score is the accuracy of LLaVA's eval_textvqa.py with
 * m4c_evaluator.py.
 *
 * With OCR tokens, prompts and their order are exactly those of LLaVA's question file, as for the published numbers of
 * LLaVA-1.5 and LLaVA-HR. Otherwise they are built the same way without the OCR line.
 */
export const textVqa: BenchmarkDefinition = {
  name: 'textvqa',
  title: 'TextVQA',
  metric: 'VQA accuracy (M4C)',
  splits: [{ name: 'val', questions: 5000, images: 3166, scored: 'here' }],
  options: { ...OFFICIAL_OPTIONS, ocrTokens: 'optional' },
  load,
  openImages,
};

async function load(folder: string, { protocol, limit, ...options }: LoadOptions): Promise<LoadedBenchmark> {
  const split = chosenSplit(textVqa, options.split);
  const annotationPath = join(folder, ANNOTATIONS);
  const annotations = await readRecords<Annotation>(
    {
      path: annotationPath,
      check: annotationCheck,
      origin: `It is TextVQA's validation set: download ${DOWNLOADS}/data/${ANNOTATIONS} into ${folder}.`,
    },
    'data',
  );
  const promptPath = join(folder, OCR_QUESTIONS);
  const ocrTokens = options.ocrTokens ?? (protocol === 'llava' && existsSync(promptPath));
  const all = ocrTokens ? await rowsWithOcr(promptPath, annotations) : annotations.map(rowWithoutOcr);
  const rows = all.slice(0, limit);
  const humanAnswers = rows.map(({ answers }) => answers.map(processAnswer));
  const scoreOne = (index: number, answer: string): number => vqaAccuracy(processAnswer(answer), humanAnswers[index]!);

  return {
    name: 'textvqa',
    split,
    questions: rows.map(({ imageId, image, text }, index) => ({ index, questionId: imageId, image, text })),
    images: options.images === false ? noImages(folder) : await openImages(folder),
    maxNewTokens: MAX_NEW_TOKENS,
    files: ocrTokens ? [annotationPath, promptPath] : [annotationPath],
    protocol: { protocol, ocrTokens, limit: limit ?? null },
    gold: (index) => mostFrequent(rows[index]!.answers),
    humanAnswers: (index) => rows[index]!.answers,
    sourceId: (index) => rows[index]!.sourceId ?? '',
    scoreOne,
    missingAnswers:
      protocol === 'lmms-eval'
        ? LMMS_EVAL_MEAN
        : { treatment: 'eval_textvqa.py takes the mean over the answers that are there.' },
    score: (answers, part) => accuracyScore(answers, scoreOne, part),
    submission: () => [],
  };
}

/** A question and its human answers. */
interface Row {
  sourceId: number | undefined;
  imageId: string;
  image: string;
  text: string;
  answers: readonly string[];
}

/** Joins LLaVA's question file to the annotations by image and question, as eval_textvqa.py does. */
async function rowsWithOcr(path: string, annotations: readonly Annotation[]): Promise<Row[]> {
  const origin =
    `It is LLaVA's question file with OCR tokens: extract textvqa/${OCR_QUESTIONS} from the eval.zip linked from ` +
    'docs/Evaluation.md in github.com/haotian-liu/LLaVA, or run without --ocr-tokens.';
  const lines = await readRecordLines<PromptLine>({ path, check: promptLineCheck, origin });
  // As in eval_textvqa.py, the last of several records with the same image and question counts.
  const annotationOf = new Map(annotations.map((record) => [keyOf(record.image_id, record.question), record]));
  return lines.map(({ question_id: imageId, image, text }, i) => {
    const question = text.split('\n', 1)[0]!;
    const annotation = annotationOf.get(keyOf(imageId, question));
    if (annotation) return { sourceId: annotation.question_id, imageId, image, text, answers: annotation.answers };
    const row = `${path}, record ${i + 1}`;
    throw new UserError(`${row}: ${ANNOTATIONS} has no question ${JSON.stringify(question)} on image ${imageId}.`);
  });
}

function keyOf(imageId: string, question: string): string {
  return JSON.stringify([imageId, question.toLowerCase()]);
}

function rowWithoutOcr({ question_id, image_id, question, answers }: Annotation): Row {
  const text = pyCapitalize(question) + SHORT_ANSWER;
  return { sourceId: question_id, imageId: image_id, image: `${image_id}.jpg`, text, answers };
}

function openImages(folder: string): Promise<ImageSource> {
  return openBenchmarkImages(folder, {
    names: [IMAGE_FOLDER],
    archive: { zip: IMAGE_ZIP, inside: IMAGE_FOLDER },
    origin: `Download ${DOWNLOADS}/images/${IMAGE_ZIP} (7.1 GB) into it; there is no need to unpack it.`,
  });
}
