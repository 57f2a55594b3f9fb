import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { noImages } from '../datasets/no-images.js';
import { countOf } from '../shared/count-of.js';
import { UserError } from '../shared/errors.js';
import { COUNT, nullable, objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import { pyStrip } from '../shared/python-strings.js';
import {
  type Answers,
  type BenchmarkDefinition,
  type LoadedBenchmark,
  type LoadOptions,
  OFFICIAL_OPTIONS,
  type Protocol,
  type SplitInfo,
  type SubmissionFile,
} from './benchmark.js';
import {
  chosenOption,
  hasImage,
  headlineRule,
  letterOfLlavaHr,
  OPTION_LETTERS,
  type Problem,
  scoreScienceQa,
  scoresWithMissing,
} from './scienceqa-score.js';
import { LETTER_ANSWER } from './shared/instructions.js';
import { LMMS_EVAL_MEAN } from './shared/missing-answers.js';
import { openBenchmarkImages } from './shared/open-images.js';
import { readMembers } from './shared/read-members.js';
import { readDocument, readRecords } from './shared/read-records.js';
import { chosenSplit } from './shared/splits.js';
import { pick } from './shared/statistics.js';

const PROBLEMS = 'problems.json';
const SPLIT_IDS = 'pid_splits.json';
const QUESTION_FILE = 'llava_test_CQM-A.json';
const IMAGES_ADDRESS = 'https://scienceqa.s3.us-west-1.amazonaws.com/images/test.zip';

/** LLaVA-HR model_vqa_science.py (LLaVA: 1024, far more than a letter needs) and lmms-eval scienceqa_img.yaml. */
const MAX_NEW_TOKENS: Record<Protocol, number> = { llava: 64, 'lmms-eval': 16 };

const problemCheck = schemaCheck<Problem>(
  objectOf<Problem>({
    question: TEXT,
    choices: { type: 'array', items: TEXT, minItems: 1, maxItems: OPTION_LETTERS.length },
    answer: COUNT,
    hint: TEXT,
    image: nullable(TEXT),
    grade: TEXT,
    subject: TEXT,
  }),
);

interface SplitIds {
  test: string[];
}

const splitIdsCheck = schemaCheck<SplitIds>(objectOf<SplitIds>({ test: { type: 'array', items: TEXT, minItems: 1 } }));

/** A record of LLaVA's question file: the first turn is the prompt, the second the correct letter. */
interface QuestionRecord {
  id: string;
  /** Missing for a question without an image. */
  image?: string;
  conversations: { value: string }[];
}

const questionCheck = schemaCheck<QuestionRecord>({
  type: 'object',
  properties: {
    id: TEXT,
    image: TEXT,
    conversations: { type: 'array', items: objectOf<{ value: string }>({ value: TEXT }), minItems: 1 },
  },
  required: ['id', 'conversations'],
});

const SPLITS: readonly SplitInfo[] = [
  { name: 'test', questions: 4241, images: 2017, scored: 'here' },
  {
    name: 'test-img',
    questions: 2017,
    images: 2017,
    scored: 'here',
    note: 'only the questions with an image; sufficient for the number reported in papers',
  },
];

/**
 * ScienceQA, test split. The headline is the accuracy on questions with an image, by LLaVA-HR's eval_science_qa.py.
 *
 * Prompts come from LLaVA's question file if it is in the folder; otherwise they are built the same way. lmms-eval uses
 * hint, question and options unchanged and has its own rule for reading answers.
 */
export const scienceQa: BenchmarkDefinition = {
  name: 'scienceqa',
  title: 'ScienceQA',
  metric: 'accuracy (IMG)',
  splits: SPLITS,
  options: OFFICIAL_OPTIONS,
  load,
  openImages,
};

/** A question and the problem it was built from. */
interface Row {
  id: string;
  image: string | null;
  text: string;
  problem: Problem;
}

async function load(folder: string, { protocol, limit, ...options }: LoadOptions): Promise<LoadedBenchmark> {
  const split = chosenSplit(scienceQa, options.split);
  const problemsPath = join(folder, PROBLEMS);
  const splitPath = join(folder, SPLIT_IDS);
  const questionPath = join(folder, QUESTION_FILE);
  const usesQuestionFile = protocol === 'llava' && existsSync(questionPath);

  const problems = await readProblems(problemsPath, splitPath);
  const all = usesQuestionFile
    ? await rowsOfQuestionFile(questionPath, problems)
    : [...problems].map(([id, problem]) => rowOfProblem(id, problem, protocol));
  const rows = (split === 'test' ? all : all.filter(({ image }) => image !== null)).slice(0, limit);
  const problemsAsked = rows.map(({ problem }) => problem);
  const isMixed = !problemsAsked.every(hasImage);
  if (rows.length === 0) throw new UserError(`${problemsPath} has no test questions with an image.`);

  return {
    name: 'scienceqa',
    split,
    questions: rows.map(({ id, image, text }, index) => ({ index, questionId: id, image, text })),
    images: options.images === false ? noImages(folder) : await openImages(folder),
    maxNewTokens: MAX_NEW_TOKENS[protocol],
    files: [problemsPath, splitPath, ...(usesQuestionFile ? [questionPath] : [])],
    protocol: { protocol, questionFile: usesQuestionFile, limit: limit ?? null },
    gold(index) {
      const { choices, answer } = rows[index]!.problem;
      return `${OPTION_LETTERS[answer]}. ${choices[answer]}`;
    },
    category: (index) => rows[index]!.problem.subject,
    scoreOne(index, answer) {
      const { problem } = rows[index]!;
      return chosenOption(headlineRule(protocol), answer, problem) === problem.answer ? 1 : 0;
    },
    score: (answers, part) => scoreScienceQa(pick(problemsAsked, part), pick(answers, part), protocol, isMixed),
    missingAnswers:
      protocol === 'lmms-eval'
        ? LMMS_EVAL_MEAN
        : {
            treatment:
              'eval_science_qa.py counts missing answers as wrong, but excludes unanswered questions from its IMG-Accuracy.',
            scores: (answers) => scoresWithMissing(problemsAsked, answers),
          },
    submission: (answers) => [resultFile(rows, answers)],
  };
}

/** The test split's problems by id, in the split's order. */
async function readProblems(problemsPath: string, splitPath: string): Promise<Map<string, Problem>> {
  const origin = 'It is part of ScienceQA: download it from data/scienceqa in github.com/lupantech/ScienceQA.';
  const { test: ids } = await readDocument({ path: splitPath, check: splitIdsCheck, origin });
  const isTest = new Set(ids);
  const problems = new Map<string, Problem>();
  for await (const [id, problem] of readMembers({ path: problemsPath, check: problemCheck, origin })) {
    if (isTest.has(id)) problems.set(id, checkedAnswer(problem, `${problemsPath}, record "${id}"`));
  }
  return new Map(
    ids.map((id) => {
      const problem = problems.get(id);
      if (problem) return [id, problem];
      throw new UserError(`${splitPath}: ${problemsPath} has no problem ${JSON.stringify(id)}.`);
    }),
  );
}

function checkedAnswer(problem: Problem, where: string): Problem {
  const { answer, choices } = problem;
  if (answer < choices.length) return problem;
  throw new UserError(`${where}: the answer is option ${answer + 1}, but there are only ${choices.length}.`);
}

/** The prompt that LLaVA-HR's model_vqa_science.py builds from the question file with --single-pred-prompt. */
function promptOf(questionText: string): string {
  return pyStrip(questionText.replaceAll('<image>', '')) + LETTER_ANSWER;
}

/** @throws UserError when the questions are not exactly those of the split, which would change the accuracies */
async function rowsOfQuestionFile(path: string, problems: ReadonlyMap<string, Problem>): Promise<Row[]> {
  const origin = `It is LLaVA's question file, scienceqa/${QUESTION_FILE} in its eval.zip.`;
  const records = await readRecords({ path, check: questionCheck, origin });
  const rows = records.map(({ id, image, conversations }, i) => {
    const problem = problems.get(id);
    if (!problem) throw new UserError(`${path}, record ${i + 1}: the test split has no problem ${JSON.stringify(id)}.`);
    if ((image !== undefined) !== hasImage(problem)) {
      throw new UserError(
        `${path}, record ${i + 1}: either this record or problem ${id} in ${PROBLEMS} has an image, but not both.`,
      );
    }
    return { id, image: image ?? null, text: promptOf(conversations[0]!.value), problem };
  });
  const questions = new Set(records.map(({ id }) => id)).size;
  if (rows.length === problems.size && questions === problems.size) return rows;
  throw new UserError(
    `${path} has ${countOf(rows.length, 'question')} about ${countOf(questions, 'problem')}; the test split in ${SPLIT_IDS} has ${problems.size}. ` +
      'Use files of the same release. For a smaller run, use --limit.',
  );
}

function rowOfProblem(id: string, problem: Problem, protocol: Protocol): Row {
  const options = problem.choices.map((choice, i) => `${OPTION_LETTERS[i]}. ${choice}`);
  return {
    id,
    image: hasImage(problem) ? `${id}/${problem.image}` : null,
    text: protocol === 'llava' ? llavaPrompt(problem, options) : lmmsEvalPrompt(problem, options),
    problem,
  };
}

/** Like LLaVA's question file, which replaces "  " by " " once. */
function llavaPrompt({ hint, question }: Problem, options: readonly string[]): string {
  const context = pyStrip(hint);
  const lines = [...(context === '' ? [] : [`Context: ${context}`]), question, ...options];
  return promptOf(lines.join('\n').replaceAll('  ', ' '));
}

/** Source: lmms_eval/tasks/scienceqa/utils.py, format "default". */
function lmmsEvalPrompt({ hint, question }: Problem, options: readonly string[]): string {
  const context = hint === '' ? '' : `Context: ${hint}\n`;
  return `${context}${question}\n${options.join('\n')}${LETTER_ANSWER}`;
}

function openImages(folder: string): Promise<ImageSource> {
  return openBenchmarkImages(folder, {
    names: ['images/test', 'test'],
    parquet: false,
    origin: `Download ${IMAGES_ADDRESS} into it; there is no need to unpack it.`,
  });
}

/**
 * The result file that LLaVA's eval_science_qa.py writes (--output-result) and ScienceQA's evaluate_acc.py reads. Questions
 * without an answer are "FAILED" with option -1.
 */
function resultFile(rows: readonly Row[], answers: Answers): SubmissionFile {
  const outputs = answers.map((answer) => answer ?? 'FAILED');
  const results = outputs.map((output, i) => chosenOption(letterOfLlavaHr, output, rows[i]!.problem));
  const correct = results.filter((option, i) => option === rows[i]!.problem.answer).length;
  const count = results.length;
  const byId = <T>(values: readonly T[]): Record<string, T> =>
    Object.fromEntries(values.map((value, i) => [rows[i]!.id, value]));
  const result = { acc: (correct / count) * 100, correct, count, results: byId(results), outputs: byId(outputs) };
  return { name: 'scienceqa_result.json', content: `${JSON.stringify(result, null, 2)}\n` };
}
