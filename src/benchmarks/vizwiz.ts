import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { noImages } from '../datasets/no-images.js';
import { objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import { pythonJson } from '../shared/python-json.js';
import { pyCapitalize } from '../shared/python-strings.js';
import {
  type Answers,
  type BenchmarkDefinition,
  type LoadedBenchmark,
  type LoadOptions,
  OFFICIAL_OPTIONS,
  type SubmissionFile,
} from './benchmark.js';
import { detectSplit } from './shared/detect-split.js';
import { processAnswer } from './shared/evalai-answer-processor.js';
import { MAY_BE_UNANSWERABLE } from './shared/instructions.js';
import { EVAL_ZIP, type LlavaQuestion, readLlavaQuestions, toQuestions } from './shared/llava-questions.js';
import { LMMS_EVAL_MEAN } from './shared/missing-answers.js';
import { openBenchmarkImages } from './shared/open-images.js';
import { readRecords } from './shared/read-records.js';
import { pick } from './shared/statistics.js';
import { mostFrequent } from './shared/vqa-accuracy.js';
import { ANSWERS, type AnswerRecord, humanAnswers, type VqaAnnotation } from './shared/vqa-annotations.js';
import { asUploaded, m4cVqa, officialVqa, vizWizVqa } from './shared/vqa-eval.js';
import { vqaScore } from './shared/vqa-score.js';
import { answerabilityScores } from './vizwiz-answerability.js';

const DOWNLOADS = 'https://vizwiz.cs.colorado.edu/VizWiz_final';
const ANNOTATIONS_ORIGIN = `VizWiz's annotations are part of ${DOWNLOADS}/vqa_data/Annotations.zip.`;
const LLAVA_QUESTIONS = 'llava_test.jsonl';

/** Limit of LLaVA-HR model_vqa_loader.py; lmms-eval's task sets none. */
const MAX_NEW_TOKENS = 128;

/** The protocol's default split comes first. */
const QUESTION_FILES = {
  llava: { test: [LLAVA_QUESTIONS, 'test.json'], val: ['val.json'] },
  'lmms-eval': { val: ['val.json'], test: ['test.json'] },
} as const;

const SCORERS = {
  accuracy: asUploaded(vizWizVqa),
  'accuracy-m4c': m4cVqa,
  'accuracy-vqa-eval': asUploaded(officialVqa),
};

/** The headline score of each protocol. */
const HEADLINES = { llava: 'accuracy', 'lmms-eval': 'accuracy-m4c' } as const;

/** A record of test.json. Its only id is its position. */
interface QuestionRecord {
  image: string;
  question: string;
}

const questionCheck = schemaCheck<QuestionRecord>(objectOf<QuestionRecord>({ image: TEXT, question: TEXT }));

/** A record of val.json. */
interface AnnotationRecord extends QuestionRecord {
  answers: AnswerRecord[];
  answer_type: string;
  answerable: 0 | 1;
}

const annotationCheck = schemaCheck<AnnotationRecord>(
  objectOf<AnnotationRecord>({
    image: TEXT,
    question: TEXT,
    answers: ANSWERS,
    answer_type: TEXT,
    answerable: { enum: [0, 1] },
  }),
);

/**
 * VizWiz-VQA. Published numbers are on test, which only the evaluation server can score. On val, "accuracy" is VizWiz's
 * own evaluation of the answers as LLaVA uploads them, "accuracy-m4c" is lmms-eval's, and "accuracy-vqa-eval" is VQA's
 * script, which leaves out equal human answers together because VizWiz's have no ids. Answerability is VizWiz's second
 * task; the answer "unanswerable" is the prediction.
 */
export const vizWiz: BenchmarkDefinition = {
  name: 'vizwiz',
  title: 'VizWiz-VQA',
  metric: 'VQA accuracy',
  splits: [
    {
      name: 'test',
      questions: 8000,
      images: 8000,
      scored: 'server',
      note: 'EvalAI challenge 2185, closed since December 2025',
    },
    {
      name: 'val',
      questions: 4319,
      images: 4319,
      scored: 'here',
      note: "not comparable with published test numbers; the default if test's question file is missing",
    },
  ],
  options: OFFICIAL_OPTIONS,
  load,
  openImages,
};

async function load(folder: string, options: LoadOptions): Promise<LoadedBenchmark> {
  const split = detectSplit(vizWiz, folder, options.split, QUESTION_FILES[options.protocol], ANNOTATIONS_ORIGIN);
  return split === 'val' ? loadVal(folder, options) : loadTest(folder, options);
}

async function loadVal(folder: string, { protocol, limit, images }: LoadOptions): Promise<LoadedBenchmark> {
  const path = join(folder, 'val.json');
  const file = { path, check: annotationCheck, origin: ANNOTATIONS_ORIGIN };
  const records = (await readRecords<AnnotationRecord>(file)).slice(0, limit);
  const prompts = records.map(promptOf);
  const rows = records.map(
    ({ answers, answer_type }): VqaAnnotation => ({
      human: humanAnswers(answers),
      answerType: answer_type,
      questionType: null,
    }),
  );
  const isAnswerable = records.map(({ answerable }) => answerable === 1);
  const headline = HEADLINES[protocol];
  return {
    name: 'vizwiz',
    split: 'val',
    questions: toQuestions(prompts),
    images: images === false ? noImages(folder) : await openImages(folder, 'val'),
    maxNewTokens: MAX_NEW_TOKENS,
    files: [path],
    protocol: { protocol, limit: limit ?? null },
    gold: (index) => mostFrequent(rows[index]!.human.texts),
    humanAnswers: (index) => rows[index]!.human.texts,
    category: (index) => rows[index]!.answerType,
    scoreOne: (index, answer) => SCORERS[headline](answer, rows[index]!.human),
    missingAnswers:
      protocol === 'lmms-eval'
        ? LMMS_EVAL_MEAN
        : { treatment: "LLaVA's convert_vizwiz_for_submission.py stops unless all questions are answered." },
    score(answers, part) {
      const score = vqaScore((index) => rows[index]!, answers, SCORERS, headline, part);
      const answerability = answerabilityScores(pick(isAnswerable, part), pick(answers, part));
      return {
        ...score,
        scores: { ...score.scores, ...answerability.scores },
        counts: {
          ...score.counts,
          ...Object.fromEntries(Object.keys(answerability.scores).map((name) => [name, score.n])),
        },
        statistics: { ...score.statistics, ...answerability.statistics },
        notes: [
          'These scores are on val and not comparable with published numbers, which are on test.',
          '"accuracy" is computed by VizWiz\'s own evaluation; "accuracy-vqa-eval" by VQA\'s script, which leaves out ' +
            'equal human answers together.',
        ],
      };
    },
    submission: (answers) => [uploadFile('val', prompts, answers)],
  };
}

async function loadTest(folder: string, { protocol, limit, images }: LoadOptions): Promise<LoadedBenchmark> {
  const llavaPath = join(folder, LLAVA_QUESTIONS);
  const nativePath = join(folder, 'test.json');
  const llavaQuestions = protocol === 'llava' && existsSync(llavaPath);
  const all = llavaQuestions
    ? await readLlavaQuestions(llavaPath, EVAL_ZIP)
    : (await readRecords<QuestionRecord>({ path: nativePath, check: questionCheck, origin: ANNOTATIONS_ORIGIN })).map(
        promptOf,
      );
  const prompts = all.slice(0, limit);
  return {
    name: 'vizwiz',
    split: 'test',
    questions: toQuestions(prompts),
    images: images === false ? noImages(folder) : await openImages(folder, 'test'),
    maxNewTokens: MAX_NEW_TOKENS,
    files: [llavaQuestions ? llavaPath : nativePath],
    protocol: { protocol, llavaQuestions, limit: limit ?? null },
    gold: () => null,
    scoreOne: () => null,
    score: () => null,
    missingAnswers: protocol === 'lmms-eval' ? LMMS_EVAL_MEAN : undefined,
    submission: (answers) => [uploadFile('test', prompts, answers)],
  };
}

/** The prompt as in LLaVA's question file, which numbers questions in the order of test.json. */
function promptOf({ image, question }: QuestionRecord, index: number): LlavaQuestion {
  return { question_id: index, image, text: pyCapitalize(question) + MAY_BE_UNANSWERABLE };
}

/** Source: LLaVA scripts/convert_vizwiz_for_submission.py, which aborts at a question without an answer. */
function uploadFile(split: string, prompts: readonly LlavaQuestion[], answers: Answers): SubmissionFile {
  const results = prompts.map(({ image }, i) => ({ image, answer: processAnswer(answers[i] ?? '') }));
  return { name: `vizwiz_${split}_results.json`, content: pythonJson(results) };
}

function openImages(folder: string, split: string): Promise<ImageSource> {
  const origin = `Download ${DOWNLOADS}/images/${split}.zip into it; there is no need to unpack it.`;
  return openBenchmarkImages(folder, { names: [split], origin });
}
