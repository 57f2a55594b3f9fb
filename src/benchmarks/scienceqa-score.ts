import { MEAN_PERCENT } from '../results/statistics/formula.js';
import { pyStrip } from '../shared/python-strings.js';
import type { Answers, Protocol, Score, Statistic } from './benchmark.js';

export const OPTION_LETTERS: readonly string[] = ['A', 'B', 'C', 'D', 'E'];

/** What is used of a problem of ScienceQA's problems.json. */
export interface Problem {
  question: string;
  choices: string[];
  /** Index into `choices`. */
  answer: number;
  hint: string;
  image: string | null;
  grade: string;
  subject: string;
}

/** Reads the chosen option out of an answer: its letter, or null. Whether the question has that option is not asked. */
export type LetterRule = (answer: string) => string | null;

/** LLaVA-HR's rule: any answer of three characters or more that begins with a letter of an option means that option. */
export const letterOfLlavaHr: LetterRule = (answer) => letterOf(answer, () => true);

/** LLaVA's rule: after the letter there must be a full stop and a space. Source: LLaVA eval_science_qa.py */
export const letterOfLlava: LetterRule = (answer) => letterOf(answer, (rest) => rest.startsWith('. '));

/**
 * lmms-eval's rule: the letter alone, in either case and with space around, or a capital letter and a full stop.
 * Source: lmms_eval/tasks/scienceqa/utils.py, sqa_process_results
 */
export const letterOfLmmsEval: LetterRule = (answer) => {
  const text = pyStrip(answer);
  return /^[A-Za-z]$/.test(text) ? text.toUpperCase() : (/^([A-Z])\./.exec(text)?.[1] ?? null);
};

// The last full stop is any character but a newline, as in the official scripts.
const SENTENCE = /The answer is ([A-Z])[^\n]/gu;

/** What both scripts share; they differ in what may follow the letter of a longer answer. */
function letterOf(answer: string, mayFollow: (rest: string) => boolean): string | null {
  if (OPTION_LETTERS.includes(answer)) return answer;
  const [first, ...rest] = answer; // code points: Python counts them and JavaScript's length does not
  const isLongEnough = rest.length >= 2;
  if (first !== undefined && OPTION_LETTERS.includes(first) && isLongEnough && mayFollow(answer.slice(1))) return first;
  const sentences = [...answer.matchAll(SENTENCE)];
  return sentences.length === 1 ? sentences[0]![1]! : null;
}

/** Index of the chosen option; -1 when the answer names none or one that the question does not have. */
export function chosenOption(rule: LetterRule, answer: string, { choices }: Problem): number {
  return OPTION_LETTERS.slice(0, choices.length).indexOf(rule(answer) ?? '');
}

/** Accuracies that stand side by side, the headline's first. */
const RULES: Record<Protocol, readonly { name: string; rule: LetterRule }[]> = {
  llava: [
    { name: 'accuracy', rule: letterOfLlavaHr },
    { name: 'accuracy-llava', rule: letterOfLlava },
  ],
  'lmms-eval': [
    { name: 'exact-match', rule: letterOfLmmsEval },
    { name: 'accuracy', rule: letterOfLlavaHr },
    { name: 'accuracy-llava', rule: letterOfLlava },
  ],
};

/** The rule that the headline of a protocol is made with. */
export function headlineRule(protocol: Protocol): LetterRule {
  return RULES[protocol][0]!.rule;
}

/** The groups of ScienceQA's own tables. Source: lupantech/ScienceQA tools/evaluate_acc.py */
const GROUPS: readonly { name: string; holds: (problem: Problem) => boolean }[] = [
  { name: 'natural', holds: ({ subject }) => subject === 'natural science' },
  { name: 'social', holds: ({ subject }) => subject === 'social science' },
  { name: 'language', holds: ({ subject }) => subject === 'language science' },
  { name: 'text-context', holds: ({ hint }) => hint !== '' },
  { name: 'image-context', holds: hasImage },
  { name: 'no-context', holds: (problem) => problem.hint === '' && !hasImage(problem) },
  { name: 'grades-1-6', holds: ({ grade }) => /^grade[1-6]$/.test(grade) },
  { name: 'grades-7-12', holds: ({ grade }) => /^grade(?:[7-9]|1[0-2])$/.test(grade) },
];

export function hasImage({ image }: Problem): boolean {
  return image !== null && image !== '';
}

/**
 * Scores of complete or broken-off answers. `img-` scores are over the questions with an image; the first of them is the
 * "SQA-I" of papers.
 */
export function scoreScienceQa(problems: readonly Problem[], answers: Answers, protocol: Protocol): Score {
  const scores: Record<string, number> = {};
  const statistics: Record<string, Statistic> = {};
  const add = (name: string, correct: readonly number[], holds: (problem: Problem) => boolean): void => {
    const mean = meanWhere(problems, correct, holds);
    if (mean === null) return;
    scores[name] = mean.percent;
    statistics[name] = mean.statistic;
  };

  const correctBy = RULES[protocol].map(({ name, rule }) => ({ name, correct: correctness(problems, answers, rule) }));
  for (const { name, correct } of correctBy) {
    add(`img-${name}`, correct, hasImage);
    if (!problems.every(hasImage)) add(name, correct, () => true);
  }
  const headline = Object.keys(scores)[0]!;
  const { name, correct } = correctBy[0]!;
  const whole = name in scores ? name : headline;
  for (const group of GROUPS) {
    const mean = meanWhere(problems, correct, group.holds);
    if (mean) scores[`${whole}/${group.name}`] = mean.percent;
  }

  const rule = headlineRule(protocol);
  const answered = answers.flatMap((answer, i) => (answer === null ? [] : [chosenOption(rule, answer, problems[i]!)]));
  return {
    headline,
    scores,
    n: answers.length,
    failed: answers.length - answered.length,
    unparsable: answered.filter((option) => option < 0).length,
    perQuestion: [...correct],
    statistics,
    notes: missingAnswersNote(problems, answers, correct),
  };
}

function correctness(problems: readonly Problem[], answers: Answers, rule: LetterRule): number[] {
  return answers.map((answer, i) => {
    const problem = problems[i]!;
    return answer !== null && chosenOption(rule, answer, problem) === problem.answer ? 1 : 0;
  });
}

/** The mean over the problems of a group; null when there are none. */
function meanWhere(
  problems: readonly Problem[],
  correct: readonly number[],
  holds: (problem: Problem) => boolean,
): { percent: number; statistic: Statistic } | null {
  const counts = new Float64Array(2 * correct.length);
  const sums = [0, 0];
  for (const [i, score] of correct.entries()) {
    if (!holds(problems[i]!)) continue;
    counts.set([score, 1], 2 * i);
    sums[0]! += score;
    sums[1]! += 1;
  }
  const [right, asked] = sums as [number, number];
  return asked === 0
    ? null
    : { percent: (right / asked) * 100, statistic: { width: 2, counts, formula: MEAN_PERCENT } };
}

/** eval_science_qa.py knows images by the answer file's prompt, so an image question without an answer is none to it. */
function missingAnswersNote(problems: readonly Problem[], answers: Answers, correct: readonly number[]): string[] {
  const withImage = problems.flatMap((problem, i) => (hasImage(problem) ? [i] : []));
  const answered = withImage.filter((i) => answers[i] !== null);
  const missing = withImage.length - answered.length;
  if (missing === 0) return [];
  const right = answered.filter((i) => correct[i] === 1).length;
  const official = answered.length === 0 ? 'no accuracy' : `${((right / answered.length) * 100).toFixed(2)} %`;
  return [
    `${missing} questions with an image have no answer and count as wrong. LLaVA's script leaves such questions out of ` +
      `its IMG accuracy: it would print ${official} over ${answered.length} questions.`,
  ];
}
