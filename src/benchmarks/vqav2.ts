import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { noImages } from '../datasets/no-images.js';
import {
  type Answers,
  type BenchmarkDefinition,
  type LoadedBenchmark,
  type LoadOptions,
  OFFICIAL_OPTIONS,
  type Protocol,
} from './benchmark.js';
import { type CocoSet, cocoImages, openCocoImages } from './shared/coco-images.js';
import { detectSplit } from './shared/detect-split.js';
import { processAnswer } from './shared/evalai-answer-processor.js';
import { SHORT_ANSWER } from './shared/instructions.js';
import { EVAL_ZIP, type LlavaQuestion, readLlavaQuestions, toQuestions } from './shared/llava-questions.js';
import { LMMS_EVAL_MEAN } from './shared/missing-answers.js';
import { annotationsOf, readVqaAnnotations } from './shared/read-vqa-annotations.js';
import { mainScores } from './shared/statistics.js';
import { mostFrequent } from './shared/vqa-accuracy.js';
import { type FileInfo, readVqaQuestions, type VqaQuestion, vqaResults } from './shared/vqa-annotations.js';
import { asUploaded, lmmsEvalVqa, officialVqa } from './shared/vqa-eval.js';
import { vqaScore } from './shared/vqa-score.js';

const DOWNLOADS = 'https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa';
const VAL_QUESTIONS = 'v2_OpenEnded_mscoco_val2014_questions.json';
const VAL_ANNOTATIONS = 'v2_mscoco_val2014_annotations.json';
const TEST_DEV_QUESTIONS = 'v2_OpenEnded_mscoco_test-dev2015_questions.json';
const TEST_QUESTIONS = 'v2_OpenEnded_mscoco_test2015_questions.json';
const LLAVA_TEST_DEV_QUESTIONS = 'llava_vqav2_mscoco_test-dev2015.jsonl';
const LLAVA_TEST_QUESTIONS = 'llava_vqav2_mscoco_test2015.jsonl';

/** Limits of LLaVA-HR model_vqa_loader.py and lmms-eval's vqav2 tasks. */
const MAX_NEW_TOKENS: Record<Protocol, number> = { llava: 128, 'lmms-eval': 16 };

/** The protocol's default split comes first. */
const QUESTION_FILES = {
  llava: { 'test-dev': [LLAVA_TEST_DEV_QUESTIONS, TEST_DEV_QUESTIONS], val: [VAL_QUESTIONS] },
  'lmms-eval': { val: [VAL_QUESTIONS], 'test-dev': [TEST_DEV_QUESTIONS] },
} as const;

const LLAVA_SCORERS = { accuracy: asUploaded(officialVqa), 'accuracy-unprocessed': officialVqa };
const LMMS_EVAL_SCORERS = { 'exact-match': lmmsEvalVqa, ...LLAVA_SCORERS };

/** The headline's scorer and all of them. */
const SCORERS = {
  llava: { headline: 'accuracy', scoreOne: LLAVA_SCORERS.accuracy, all: LLAVA_SCORERS },
  'lmms-eval': { headline: 'exact-match', scoreOne: lmmsEvalVqa, all: LMMS_EVAL_SCORERS },
} as const;

/**
 * VQAv2. Published numbers are on test-dev, which only the evaluation server can score, from answers processed by LLaVA's
 * convert_vqav2_for_submission.py. On val, "accuracy" is VQA's own script applied to answers processed the same way, and
 * "accuracy-unprocessed" is the script applied to raw answers, where "Yes" does not match a unanimous "yes".
 */
export const vqaV2: BenchmarkDefinition = {
  name: 'vqav2',
  title: 'VQAv2',
  metric: 'VQA accuracy',
  splits: [
    { name: 'test-dev', questions: 107_394, images: null, scored: 'server', note: 'EvalAI challenge 830' },
    {
      name: 'val',
      questions: 214_354,
      images: 40_504,
      scored: 'here',
      note: "not comparable with published test-dev numbers; the default if test-dev's question file is missing",
    },
  ],
  options: OFFICIAL_OPTIONS,
  load,
  openImages: (folder, split) => openCocoImages(folder, split === 'val' ? 'val2014' : 'test2015'),
};

async function load(folder: string, options: LoadOptions): Promise<LoadedBenchmark> {
  const origin = `The questions are part of ${DOWNLOADS}/v2_Questions_Test_mscoco.zip and ${DOWNLOADS}/v2_Questions_Val_mscoco.zip.`;
  const split = detectSplit(vqaV2, folder, options.split, QUESTION_FILES[options.protocol], origin);
  return split === 'val' ? loadVal(folder, options) : loadTestDev(folder, options);
}

async function loadVal(folder: string, { protocol, limit, images }: LoadOptions): Promise<LoadedBenchmark> {
  const questionFile = fileOf(folder, VAL_QUESTIONS, 'v2_Questions_Val_mscoco.zip');
  const annotationFile = fileOf(folder, VAL_ANNOTATIONS, 'v2_Annotations_Val_mscoco.zip');
  const reading = readVqaAnnotations(annotationFile); // first, since they take longest
  reading.catch(() => {}); // thrown below, if the questions are in order
  const native = await readVqaQuestions(questionFile, limit);
  const annotation = annotationsOf(native, await reading, annotationFile);
  const ids = native.map(({ question_id }) => question_id);
  const { headline, scoreOne, all } = SCORERS[protocol];
  return {
    name: 'vqav2',
    split: 'val',
    questions: toQuestions(promptsOf(native, 'val2014')),
    images: images === false ? noImages(folder) : await openCocoImages(folder, 'val2014'),
    maxNewTokens: MAX_NEW_TOKENS[protocol],
    files: [questionFile.path, annotationFile.path],
    protocol: { protocol, limit: limit ?? null },
    gold: (index) => mostFrequent(annotation(index).human.texts),
    humanAnswers: (index) => annotation(index).human.texts,
    category: (index) => annotation(index).answerType,
    scoreOne: (index, answer) => scoreOne(answer, annotation(index).human),
    score: (answers, part) => ({
      ...vqaScore(annotation, answers, all, headline, part),
      notes: [
        'These scores are on val and not comparable with published numbers, which are on test-dev.',
        '"accuracy" scores the answers as LLaVA uploads them, "accuracy-unprocessed" the raw answers.',
      ],
    }),
    missingAnswers:
      protocol === 'lmms-eval'
        ? LMMS_EVAL_MEAN
        : {
            treatment: "LLaVA's upload has empty answers for missing ones, which count as wrong.",
            scores: (answers) => mainScores(vqaScore(annotation, answers, all, headline)),
          },
    submission: (answers) => [
      { name: 'v2_OpenEnded_mscoco_val2014_results.json', content: vqaResults(ids, processedAnswers(ids, answers)) },
    ],
  };
}

async function loadTestDev(folder: string, { protocol, limit, images }: LoadOptions): Promise<LoadedBenchmark> {
  const llavaPath = join(folder, LLAVA_TEST_DEV_QUESTIONS);
  const nativeFile = fileOf(folder, TEST_DEV_QUESTIONS, 'v2_Questions_Test_mscoco.zip');
  const llavaQuestions = protocol === 'llava' && existsSync(llavaPath);
  const rows = llavaQuestions
    ? (await readLlavaQuestions(llavaPath, EVAL_ZIP)).slice(0, limit)
    : promptsOf(await readVqaQuestions(nativeFile, limit), 'test2015');
  const ids = rows.map(({ question_id }) => question_id);
  const test2015 = await readTestIds(folder);
  return {
    name: 'vqav2',
    split: 'test-dev',
    questions: toQuestions(rows),
    images: images === false ? noImages(folder) : await openCocoImages(folder, 'test2015'),
    maxNewTokens: MAX_NEW_TOKENS[protocol],
    files: [llavaQuestions ? llavaPath : nativeFile.path, ...(test2015 ? [test2015.path] : [])],
    protocol: { protocol, llavaQuestions, limit: limit ?? null },
    gold: () => null,
    scoreOne: () => null,
    score: () => null,
    missingAnswers: protocol === 'lmms-eval' ? LMMS_EVAL_MEAN : undefined,
    // The server expects answers to all of test2015, which includes test-dev; LLaVA leaves the others empty.
    submission(answers) {
      const name = `v2_OpenEnded_mscoco_${test2015 ? 'test2015' : 'test-dev2015'}_results.json`;
      return [{ name, content: vqaResults(test2015?.ids ?? ids, processedAnswers(ids, answers)) }];
    },
  };
}

function fileOf(folder: string, name: string, archive: string): FileInfo {
  return { path: join(folder, name), origin: `It is part of ${DOWNLOADS}/${archive}.` };
}

/** The prompts as in LLaVA's question files. */
function promptsOf(questions: readonly VqaQuestion[], set: CocoSet): LlavaQuestion[] {
  const imageOf = cocoImages(set);
  return questions.map(({ question_id, image_id, question }) => ({
    question_id,
    image: imageOf(image_id),
    text: question + SHORT_ANSWER,
  }));
}

/** Ids of all test2015 questions, if the folder has a list of them. */
async function readTestIds(folder: string): Promise<{ path: string; ids: number[] } | null> {
  const llavaPath = join(folder, LLAVA_TEST_QUESTIONS);
  if (existsSync(llavaPath)) {
    const lines = await readLlavaQuestions(llavaPath, EVAL_ZIP);
    return { path: llavaPath, ids: lines.map(({ question_id }) => question_id) };
  }
  const nativeFile = fileOf(folder, TEST_QUESTIONS, 'v2_Questions_Test_mscoco.zip');
  if (!existsSync(nativeFile.path)) return null;
  const questions = await readVqaQuestions(nativeFile);
  return { path: nativeFile.path, ids: questions.map(({ question_id }) => question_id) };
}

/** Answers by question id, processed like LLaVA's convert_vqav2_for_submission.py. */
function processedAnswers(ids: readonly number[], answers: Answers): Map<number, string> {
  return new Map(ids.map((id, i) => [id, answers[i] == null ? '' : processAnswer(answers[i])]));
}
