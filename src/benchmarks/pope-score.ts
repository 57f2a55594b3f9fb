import type { Formula, Statistic, Term, WeightedSum } from '../results/statistics/formula.js';
import { countOf } from '../shared/count-of.js';
import { pyStrip } from '../shared/python-strings.js';
import type { Answers, Protocol, Score } from './benchmark.js';
import { columnSums } from './shared/statistics.js';

/** POPE's three ways of sampling absent objects, in the order of LLaVA's question file. */
export const POPE_CATEGORIES = ['adversarial', 'random', 'popular'] as const;
export type PopeCategory = (typeof POPE_CATEGORIES)[number];
export type PopeLabel = 'yes' | 'no';

/** The fields of a question that the scorer needs. */
export interface PopeItem {
  category: PopeCategory;
  label: PopeLabel;
}

/** How a protocol interprets an answer; `neither` only occurs in lmms-eval. */
type Verdict = PopeLabel | 'neither';

const METRICS = ['f1', 'accuracy', 'precision', 'recall', 'yes-ratio'] as const;
type Metric = (typeof METRICS)[number];

/** Columns of a category's counts: the confusion matrix, the terms of the yes ratio, and the number of questions. */
const COLUMN = { tp: 0, fp: 1, tn: 2, fn: 3, ratioYes: 4, ratioAll: 5, questions: 6 } as const;
const CATEGORY_WIDTH = 7;
const WIDTH = POPE_CATEGORIES.length * CATEGORY_WIDTH;

/** How a protocol interprets an answer. Source: POPE evaluate.py and LLaVA eval_pope.py; lmms-eval pope/utils.py */
export function popeVerdict(answer: string, protocol: Protocol): Verdict {
  if (protocol === 'llava') return saysNo(answer) ? 'no' : 'yes';
  const text = pyStrip(answer.toLowerCase());
  return text === 'yes' || text === 'no' ? text : 'neither';
}

/** Only these exact words before the first period mean no; "NO", "none", "No!" and "" mean yes. */
function saysNo(answer: string): boolean {
  return firstSentence(answer)
    .replaceAll(',', '')
    .split(' ')
    .some((word) => word === 'No' || word === 'no' || word === 'not');
}

function firstSentence(answer: string): string {
  return answer.split('.', 1)[0]!;
}

/** Whether an answer says neither yes nor no, regardless of how the protocol interprets it. */
function isUnparsable(answer: string, protocol: Protocol): boolean {
  const verdict = popeVerdict(answer, protocol);
  return protocol === 'llava' ? verdict === 'yes' && !/\byes\b/i.test(firstSentence(answer)) : verdict === 'neither';
}

/**
 * Scores POPE answers. Published numbers are means over the three categories; lmms-eval pools all questions.
 * @param items the questions, by index
 * @param labelLines each category's labels in file order, to compute what eval_pope.py would print
 */
export function scorePope(
  items: readonly PopeItem[],
  answers: Answers,
  protocol: Protocol,
  labelLines: Readonly<Record<PopeCategory, readonly PopeLabel[]>>,
): Score {
  const verdicts = answers.map((answer) => (answer === null ? null : popeVerdict(answer, protocol)));
  const counts = new Float64Array(items.length * WIDTH);
  items.forEach(({ category, label }, index) => {
    const offset = index * WIDTH + POPE_CATEGORIES.indexOf(category) * CATEGORY_WIDTH;
    counts.set(countsOf(verdicts[index]!, label, protocol), offset);
  });
  const sums = columnSums(counts, WIDTH);
  const asked = POPE_CATEGORIES.filter((category) => categoryColumns(sums, category)[COLUMN.questions]! > 0);
  const scores: Record<string, number> = Object.fromEntries(
    METRICS.map((metric) => [metric, mainScore(sums, metric, protocol)]),
  );
  for (const category of asked) {
    for (const metric of METRICS) {
      scores[`${category}/${metric}`] = 100 * metricsOf(categoryColumns(sums, category))[metric];
    }
  }
  const questionsOf = (category: PopeCategory): number => categoryColumns(sums, category)[COLUMN.questions]!;
  const questionCounts: Record<string, number> = Object.fromEntries([
    ...METRICS.map((metric) => [metric, items.length] as const),
    ...asked.flatMap((category) => METRICS.map((metric) => [`${category}/${metric}`, questionsOf(category)] as const)),
  ]);
  const statistics = METRICS.map((metric): [string, Statistic] => [
    metric,
    { width: WIDTH, counts, formula: metricFormula(metric, asked, protocol) },
  ]);
  const unparsable = answers.filter((answer) => answer !== null && isUnparsable(answer, protocol)).length;
  return {
    headline: 'f1',
    scores,
    counts: questionCounts,
    n: items.length,
    failed: answers.filter((answer) => answer === null).length,
    unparsable,
    perQuestion: items.map(({ label }, index) => (verdicts[index] === label ? 1 : 0)),
    statistics: Object.fromEntries(statistics),
    notes: [
      ...missingCategoryNotes(asked),
      ...(protocol === 'llava' ? llavaNotes(items, verdicts, sums, asked, labelLines) : lmmsEvalNotes()),
      ...(protocol === 'llava' && unparsable > 0
        ? [
            `${countOf(unparsable, 'answer says', 'answers say')} neither yes nor no, which the official script counts as yes.`,
          ]
        : []),
    ],
  };
}

/** One question's counts for its category. A missing answer (null) is always wrong. */
function countsOf(verdict: Verdict | null, label: PopeLabel, protocol: Protocol): Float64Array {
  const counts = new Float64Array(CATEGORY_WIDTH);
  const taken = verdict ?? (label === 'yes' ? 'no' : 'yes');
  if (taken === 'yes') counts[label === 'yes' ? COLUMN.tp : COLUMN.fp] = 1;
  if (taken === 'no') counts[label === 'no' ? COLUMN.tn : COLUMN.fn] = 1;
  counts[COLUMN.questions] = 1;
  if (protocol === 'llava') {
    counts[COLUMN.ratioYes] = verdict === 'yes' ? 1 : 0;
    counts[COLUMN.ratioAll] = verdict === null ? 0 : 1;
  } else {
    counts[COLUMN.ratioYes] = label === 'yes' ? 1 : 0; // pope_aggregate_yes_ratio uses the labels
    counts[COLUMN.ratioAll] = 1;
  }
  return counts;
}

function categoryColumns(sums: ArrayLike<number>, category: PopeCategory): number[] {
  const first = POPE_CATEGORIES.indexOf(category) * CATEGORY_WIDTH;
  return Array.from({ length: CATEGORY_WIDTH }, (_, column) => sums[first + column]!);
}

/** In percent: the mean over the categories that have questions, or pooled over all questions. */
function mainScore(sums: ArrayLike<number>, metric: Metric, protocol: Protocol): number {
  const categories = POPE_CATEGORIES.map((category) => categoryColumns(sums, category));
  if (protocol === 'lmms-eval') {
    const pooled = Array.from({ length: CATEGORY_WIDTH }, (_, column) =>
      categories.reduce((sum, columns) => sum + columns[column]!, 0),
    );
    return 100 * metricsOf(pooled)[metric];
  }
  const asked = categories.filter((columns) => columns[COLUMN.questions]! > 0);
  return (
    100 *
    ratio(
      asked.map((columns) => metricsOf(columns)[metric]).reduce((a, b) => a + b, 0),
      asked.length,
    )
  );
}

/** Weights of the columns in a sum. */
type Weights = Partial<Record<keyof typeof COLUMN, number>>;

/** Each metric as a ratio of counts. */
const RATIOS: Readonly<Record<Metric, { part: Weights; whole: Weights }>> = {
  f1: { part: { tp: 2 }, whole: { tp: 2, fp: 1, fn: 1 } },
  accuracy: { part: { tp: 1, tn: 1 }, whole: { questions: 1 } },
  precision: { part: { tp: 1 }, whole: { tp: 1, fp: 1 } },
  recall: { part: { tp: 1 }, whole: { tp: 1, fn: 1 } },
  'yes-ratio': { part: { ratioYes: 1 }, whole: { ratioAll: 1 } },
};

/** A sum over the categories' counts, whose columns stand one category after another. */
function weightedSum(weights: Weights, categories: readonly PopeCategory[]): WeightedSum {
  const columns = Object.keys(weights) as (keyof typeof COLUMN)[];
  return categories.flatMap((category) => {
    const first = POPE_CATEGORIES.indexOf(category) * CATEGORY_WIDTH;
    return columns.map((column) => [first + COLUMN[column], weights[column]!] as const);
  });
}

/** `mainScore` as a formula. */
function metricFormula(metric: Metric, asked: readonly PopeCategory[], protocol: Protocol): Formula {
  const { part, whole } = RATIOS[metric];
  const term = (factor: number, categories: readonly PopeCategory[]): Term => ({
    factor,
    ratios: [{ numerator: weightedSum(part, categories), denominator: weightedSum(whole, categories) }],
  });
  const terms =
    protocol === 'lmms-eval'
      ? [term(100, POPE_CATEGORIES)]
      : asked.map((category) => term(100 / asked.length, [category]));
  return { terms, zeroByZero: 'zero' };
}

/** 0 to 1; 0 where the official script would divide by zero. @param columns of one category */
function metricsOf(columns: readonly number[]): Record<Metric, number> {
  const sum = (weights: Weights): number =>
    Object.entries(weights).reduce(
      (total, [name, weight]) => total + weight * columns[COLUMN[name as keyof Weights]]!,
      0,
    );
  const rate = (metric: Metric): number => ratio(sum(RATIOS[metric].part), sum(RATIOS[metric].whole));
  const [precision, recall] = [rate('precision'), rate('recall')];
  return {
    f1: ratio(2 * precision * recall, precision + recall), // the scripts' order of operations, which decides the last digit
    accuracy: rate('accuracy'),
    precision,
    recall,
    'yes-ratio': rate('yes-ratio'),
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function missingCategoryNotes(asked: readonly PopeCategory[]): string[] {
  const missing = POPE_CATEGORIES.filter((category) => !asked.includes(category));
  return missing.length === 0
    ? []
    : [`Scores cover ${asked.join(' and ')} only: no questions of ${missing.join(' and ')} were answered.`];
}

function lmmsEvalNotes(): string[] {
  return ['yes-ratio is the share of questions whose correct answer is yes, as in lmms-eval.'];
}

function llavaNotes(
  items: readonly PopeItem[],
  verdicts: readonly (Verdict | null)[],
  sums: ArrayLike<number>,
  asked: readonly PopeCategory[],
  labelLines: Readonly<Record<PopeCategory, readonly PopeLabel[]>>,
): string[] {
  // Without a true positive, precision, recall or their harmonic mean is undefined.
  const undefinedIn = asked.filter((category) => categoryColumns(sums, category)[COLUMN.tp] === 0);
  const notes = undefinedIn.map(
    (category) => `${category}: undefined metrics count as 0; eval_pope.py would fail with a division by zero.`,
  );
  const byLine = asked.map((category) => {
    const answered = verdicts.filter((verdict, index) => verdict !== null && items[index]!.category === category);
    return joinedByLine(answered, labelLines[category]);
  });
  const differs = asked.some((category, i) => {
    const own = categoryColumns(sums, category);
    return [COLUMN.tp, COLUMN.fp, COLUMN.tn, COLUMN.fn].some((column) => own[column] !== byLine[i]![column]);
  });
  if (differs) {
    const f1 = (100 * byLine.reduce((sum, columns) => sum + metricsOf(columns).f1, 0)) / byLine.length;
    notes.push(
      'Answers are matched to labels by question. eval_pope.py pairs them line by line, skipping questions without an ' +
        `answer, which would give a mean F1 of ${f1.toFixed(2)}.`,
    );
  }
  return notes;
}

/** Counts as in eval_pope.py, which pairs the n-th answer of a category with the n-th line of its label file. */
function joinedByLine(verdicts: readonly (Verdict | null)[], labels: readonly PopeLabel[]): number[] {
  const columns = new Array<number>(CATEGORY_WIDTH).fill(0);
  verdicts.slice(0, labels.length).forEach((verdict, i) => {
    countsOf(verdict, labels[i]!, 'llava').forEach((count, column) => {
      columns[column]! += count;
    });
  });
  return columns;
}
