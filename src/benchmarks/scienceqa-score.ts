import type { Statistic } from '../results/statistics/formula.js';
import { MEAN_PERCENT } from '../results/statistics/formula.js';
import { pyStrip } from '../shared/python-strings.js';
import type { Answers, Protocol, Score } from './benchmark.js';

export const OPTION_LETTERS: readonly string[] = ['A', 'B', 'C', 'D', 'E'];

/** The fields we use of a problem in ScienceQA's problems.json. */
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

/** Extracts the chosen option's letter from an answer, or null. Does not check that the question has that option. */
export type LetterRule = (answer: string) => string | null;

/** LLaVA-HR's rule: an answer of at least three characters that starts with an option letter chooses that option. */
export const letterOfLlavaHr: LetterRule = (answer) => letterOf(answer, () => true);

/** LLaVA's rule: the letter must be followed by a period and a space. Source: LLaVA eval_science_qa.py */
export const letterOfLlava: LetterRule = (answer) => letterOf(answer, (rest) => rest.startsWith('. '));

/**
 * lmms-eval's rule: the letter alone in either case, ignoring surrounding whitespace, or a capital letter and a period.
 * Source: lmms_eval/tasks/scienceqa/utils.py, sqa_process_results
 */
export const letterOfLmmsEval: LetterRule = (answer) => {
  const text = pyStrip(answer);
  return /^[A-Za-z]$/.test(text) ? text.toUpperCase() : (/^([A-Z])\./.exec(text)?.[1] ?? null);
};

// The final "." of the official pattern is unescaped, so it matches any character but a newline.
const SENTENCE = /The answer is ([A-Z])[^\n]/gu;

/** Shared by both scripts, which differ in what may follow the letter in a longer answer. */
function letterOf(answer: string, mayFollow: (rest: string) => boolean): string | null {
  if (OPTION_LETTERS.includes(answer)) return answer;
  const [first, ...rest] = answer; // by code point, like Python's length
  const isLongEnough = rest.length >= 2;
  if (first !== undefined && OPTION_LETTERS.includes(first) && isLongEnough && mayFollow(answer.slice(1))) return first;
  const sentences = [...answer.matchAll(SENTENCE)];
  return sentences.length === 1 ? sentences[0]![1]! : null;
}

/** Index of the chosen option; -1 when the answer names none, or one that the question does not have. */
export function chosenOption(rule: LetterRule, answer: string, { choices }: Problem): number {
  return OPTION_LETTERS.slice(0, choices.length).indexOf(rule(answer) ?? '');
}

/** Accuracies reported side by side, the headline first. */
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

/** The rule behind a protocol's headline. */
export function headlineRule(protocol: Protocol): LetterRule {
  return RULES[protocol][0]!.rule;
}

/** The groups in ScienceQA's own tables. Source: lupantech/ScienceQA tools/evaluate_acc.py */
const GROUPS: readonly { name: string; includes: (problem: Problem) => boolean }[] = [
  { name: 'natural', includes: ({ subject }) => subject === 'natural science' },
  { name: 'social', includes: ({ subject }) => subject === 'social science' },
  { name: 'language', includes: ({ subject }) => subject === 'language science' },
  { name: 'text-context', includes: ({ hint }) => hint !== '' },
  { name: 'image-context', includes: hasImage },
  { name: 'no-context', includes: (problem) => problem.hint === '' && !hasImage(problem) },
  { name: 'grades-1-6', includes: ({ grade }) => /^grade[1-6]$/.test(grade) },
  { name: 'grades-7-12', includes: ({ grade }) => /^grade(?:[7-9]|1[0-2])$/.test(grade) },
];

/** Whether a problem has an image: neither null nor an empty name is one. */
export function hasImage({ image }: Problem): boolean {
  return image !== null && image !== '';
}

/**
 * Scores complete or partial answers. `img-` scores cover the questions with an image; the first of them is the papers'
 * "SQA-I".
 * @param isMixed whether the benchmark these problems are from also has questions without an image; then there is an
 *   accuracy over all questions
 */
export function scoreScienceQa(
  problems: readonly Problem[],
  answers: Answers,
  protocol: Protocol,
  isMixed = !problems.every(hasImage),
): Score {
  const scores: Record<string, number> = {};
  const counts: Record<string, number> = {};
  const statistics: Record<string, Statistic> = {};
  const add = (name: string, correct: readonly number[], includes: (problem: Problem) => boolean): void => {
    const mean = meanWhere(problems, correct, includes);
    if (mean === null) return;
    scores[name] = mean.percent;
    counts[name] = mean.total;
    statistics[name] = mean.statistic;
  };

  const correctBy = RULES[protocol].map(({ name, rule }) => ({ name, correct: correctness(problems, answers, rule) }));
  for (const { name, correct } of correctBy) {
    add(`img-${name}`, correct, hasImage);
    if (isMixed) add(name, correct, () => true);
  }
  const headline = Object.keys(scores)[0]!;
  const { name, correct } = correctBy[0]!;
  const whole = name in scores ? name : headline;
  for (const group of GROUPS) {
    const mean = meanWhere(problems, correct, group.includes);
    if (!mean) continue;
    scores[`${whole}/${group.name}`] = mean.percent;
    counts[`${whole}/${group.name}`] = mean.total;
  }

  const rule = headlineRule(protocol);
  const answered = answers.flatMap((answer, i) => (answer === null ? [] : [chosenOption(rule, answer, problems[i]!)]));
  return {
    headline,
    scores,
    counts,
    n: answers.length,
    failed: answers.length - answered.length,
    unparsable: answered.filter((option) => option < 0).length,
    perQuestion: [...correct],
    statistics,
    notes: missingAnswersNote(problems, answers, correct),
  };
}

/** What eval_science_qa.py prints if some answers are missing (null): it detects images from the answer file's prompts. */
export function scoresWithMissing(problems: readonly Problem[], answers: Answers): Record<string, number> {
  const scores: Record<string, number> = {};
  for (const { name, rule } of RULES.llava) {
    const correct = correctness(problems, answers, rule);
    const isAnswered = new Map(problems.map((problem, i) => [problem, answers[i] !== null]));
    const withImage = meanWhere(problems, correct, (problem) => hasImage(problem) && isAnswered.get(problem)!);
    if (withImage) scores[`img-${name}`] = withImage.percent;
    const all = meanWhere(problems, correct, () => true);
    if (all) scores[name] = all.percent;
  }
  return scores;
}

function correctness(problems: readonly Problem[], answers: Answers, rule: LetterRule): number[] {
  return answers.map((answer, i) => {
    const problem = problems[i]!;
    return answer !== null && chosenOption(rule, answer, problem) === problem.answer ? 1 : 0;
  });
}

/** The mean over a group of problems; null when the group is empty. */
function meanWhere(
  problems: readonly Problem[],
  correct: readonly number[],
  includes: (problem: Problem) => boolean,
): { percent: number; total: number; statistic: Statistic } | null {
  const counts = new Float64Array(2 * correct.length);
  const sums = [0, 0];
  for (const [i, score] of correct.entries()) {
    if (!includes(problems[i]!)) continue;
    counts.set([score, 1], 2 * i);
    sums[0]! += score;
    sums[1]! += 1;
  }
  const [right, total] = sums as [number, number];
  return total === 0
    ? null
    : { percent: (right / total) * 100, total, statistic: { width: 2, counts, formula: MEAN_PERCENT } };
}

/** eval_science_qa.py detects images from the answer file's prompts, so it misses image questions without an answer. */
function missingAnswersNote(problems: readonly Problem[], answers: Answers, correct: readonly number[]): string[] {
  const withImage = problems.flatMap((problem, i) => (hasImage(problem) ? [i] : []));
  const answered = withImage.filter((i) => answers[i] !== null);
  const missing = withImage.length - answered.length;
  if (missing === 0) return [];
  const right = answered.filter((i) => correct[i] === 1).length;
  const official = answered.length === 0 ? 'no accuracy' : `${((right / answered.length) * 100).toFixed(2)} %`;
  return [
    `${missing} questions with an image have no answer and count as wrong. LLaVA's script excludes them from its IMG ` +
      `accuracy: it would print ${official} over ${answered.length} questions.`,
  ];
}
