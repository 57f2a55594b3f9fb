import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { noImages } from '../datasets/no-images.js';
import {
  type BenchmarkDefinition,
  type LoadedBenchmark,
  type LoadOptions,
  OFFICIAL_OPTIONS,
  type Protocol,
} from './benchmark.js';
import { cocoImages, openCocoImages } from './shared/coco-images.js';
import { MAY_BE_UNANSWERABLE, SHORT_ANSWER } from './shared/instructions.js';
import { readLlavaQuestions, toQuestions } from './shared/llava-questions.js';
import { LMMS_EVAL_MEAN } from './shared/missing-answers.js';
import { annotationsOf, readVqaAnnotations } from './shared/read-vqa-annotations.js';
import { chosenSplit } from './shared/splits.js';
import { mostFrequent } from './shared/vqa-accuracy.js';
import { readVqaQuestions, vqaResults } from './shared/vqa-annotations.js';
import { llavaHrVqa, m4cVqa, officialVqa } from './shared/vqa-eval.js';
import { vqaScore } from './shared/vqa-score.js';

const DOWNLOADS = 'https://okvqa.allenai.org/static/data';
const QUESTIONS = 'OpenEnded_mscoco_val2014_questions.json';
const ANNOTATIONS = 'mscoco_val2014_annotations.json';
const LLAVA_HR_QUESTIONS = 'okvqa_val.jsonl';

/** lmms-eval adds VizWiz's sentence. Sources: LLaVA's training data; lmms-eval ok_vqa. */
const INSTRUCTIONS: Record<Protocol, string> = { llava: SHORT_ANSWER, 'lmms-eval': MAY_BE_UNANSWERABLE };

/** Limit of LLaVA-HR model_vqa_loader.py; lmms-eval's task sets none. */
const MAX_NEW_TOKENS = 128;

const SCORERS = { accuracy: llavaHrVqa, 'accuracy-official': officialVqa, 'accuracy-m4c': m4cVqa };

/** The headline score of each protocol. */
const HEADLINES = { llava: 'accuracy', 'lmms-eval': 'accuracy-m4c' } as const;

/**
 * OK-VQA, whose test set is called val2014. "accuracy" is computed like LLaVA-HR's eval_okvqa.py, "accuracy-official"
 * like VQA's own script, and "accuracy-m4c" like lmms-eval.
 *
 * The prompts of LLaVA-HR's question file (in its eval_aug.zip) are not documented elsewhere; without that file, prompts
 * are built as in the model's training data.
 */
export const okVqa: BenchmarkDefinition = {
  name: 'okvqa',
  title: 'OK-VQA',
  metric: 'VQA accuracy',
  splits: [{ name: 'val2014', questions: 5046, images: 5033, scored: 'here' }],
  options: OFFICIAL_OPTIONS,
  load,
  openImages: (folder) => openCocoImages(folder, 'val2014'),
};

async function load(folder: string, { split, protocol, limit, images }: LoadOptions): Promise<LoadedBenchmark> {
  const questionFile = { path: join(folder, QUESTIONS), origin: `It is part of ${DOWNLOADS}/${QUESTIONS}.zip.` };
  const annotationFile = { path: join(folder, ANNOTATIONS), origin: `It is part of ${DOWNLOADS}/${ANNOTATIONS}.zip.` };
  const llavaPath = join(folder, LLAVA_HR_QUESTIONS);
  const llavaQuestions = protocol === 'llava' && existsSync(llavaPath);
  const imageOf = cocoImages('val2014');
  const prompts = llavaQuestions
    ? (await readLlavaQuestions(llavaPath, "It is LLaVA-HR's question file, part of its eval_aug.zip.")).slice(0, limit)
    : (await readVqaQuestions(questionFile, limit)).map(({ question_id, image_id, question }) => ({
        question_id,
        image: imageOf(image_id),
        text: question + INSTRUCTIONS[protocol],
      }));
  const annotation = annotationsOf(prompts, await readVqaAnnotations(annotationFile), annotationFile);
  const headline = HEADLINES[protocol];
  return {
    name: 'okvqa',
    split: chosenSplit(okVqa, split),
    questions: toQuestions(prompts),
    images: images === false ? noImages(folder) : await openCocoImages(folder, 'val2014'),
    maxNewTokens: MAX_NEW_TOKENS,
    files: [llavaQuestions ? llavaPath : questionFile.path, annotationFile.path],
    protocol: { protocol, llavaQuestions, limit: limit ?? null },
    gold: (index) => mostFrequent(annotation(index).human.texts),
    humanAnswers: (index) => annotation(index).human.texts,
    category: (index) => annotation(index).questionType!,
    scoreOne: (index, answer) => SCORERS[headline](answer, annotation(index).human),
    score: (answers, part) => ({
      ...vqaScore(annotation, answers, SCORERS, headline, part),
      notes: [
        '"accuracy" is computed by LLaVA-HR\'s script, which keeps number words and articles in human answers, so that ' +
          'some can never match; "accuracy-official" is computed by VQA\'s own script.',
      ],
    }),
    missingAnswers:
      protocol === 'lmms-eval'
        ? LMMS_EVAL_MEAN
        : { treatment: 'eval_okvqa.py stops unless all questions are answered.' },
    submission(answers) {
      const ids = prompts.map(({ question_id }) => question_id);
      const answerOf = new Map(ids.map((id, i) => [id, answers[i] ?? '']));
      return [{ name: 'OpenEnded_mscoco_val2014_results.json', content: vqaResults(ids, answerOf) }];
    },
  };
}
