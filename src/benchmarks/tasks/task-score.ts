import { type Formula, MEAN_PERCENT, type Statistic, type Term } from '../../results/statistics/formula.js';
import { countOf } from '../../shared/count-of.js';
import type { Answers, Score } from '../benchmark.js';
import type { MetricName } from '../metrics/metric-names.js';
import { pick } from '../shared/statistics.js';
import type { TaskFile } from './task-file.js';
import type { TaskRow, TaskRows, WholeSplit } from './task-rows.js';

/** Names that a category's score cannot have. */
const NOT_CATEGORIES: readonly string[] = ['macro', 'circular', 'points', '__proto__'];

/** Names of the score that a metric gives, if it is not called accuracy. */
const METRIC_SCORES: Partial<Record<MetricName, string>> = { anls: 'ANLS', f1: 'F1' };

/**
 * Scores answers as the task says. Questions without a right answer have no score and are in no denominator.
 * @param rows all questions that were read; `whole` tells of those beyond a limit
 * @param part indices of the questions to score (default: all); only complete groups of circular evaluation count
 * @returns null when no question has a right answer
 */
export function scoreTask(
  task: TaskFile,
  { rows: all, whole }: Pick<TaskRows, 'rows' | 'whole'>,
  given: Answers,
  part?: readonly number[],
): Score | null {
  const rows = pick(all, part);
  const answers = pick(given, part);
  const graded = rows.flatMap(({ grade }, at) => (grade === null ? [] : [at]));
  if (graded.length === 0) return null;
  const grades = rows.map(({ grade }, i) => (grade === null || answers[i] === null ? 0 : grade(answers[i]!)));
  const values = grades.map((grade) => grade ?? 0);
  const perQuestion: (number | null)[] = rows.map(() => null);
  for (const at of graded) perQuestion[at] = values[at]!;

  const metric = typeof task.metric === 'string' ? task.metric : task.metric.name;
  const plain = METRIC_SCORES[metric] ?? 'accuracy';
  const score: Score = {
    headline: plain,
    scores: {},
    counts: {},
    n: graded.length,
    failed: graded.filter((at) => answers[at] === null).length,
    unparsable: grades.filter((grade) => grade === null).length,
    perQuestion,
    statistics: {},
    notes: notesOf(task, rows.length - graded.length),
  };
  const add = (name: string, units: readonly Unit[], formula: Formula | null): void => {
    const mean = meanOf(units);
    score.scores[name] = formula === null ? 100 * mean : formula.terms[0]!.factor * mean;
    score.counts[name] = units.length;
    if (formula) score.statistics[name] = { width: 2, counts: countsOf(units, rows.length), formula };
  };

  const units = graded.map((at) => ({ at, value: values[at]! }));
  if (task.circular) {
    const groups = circularGroups(whole, rows, values);
    score.headline = groups.length > 0 ? 'circular' : null;
    if (groups.length > 0) add('circular', groups, MEAN_PERCENT);
  }
  if (task.score === 'sum') {
    const isWhole = rows.length === whole.questions; // the sum of a part would be another score
    if (isWhole) score.headline = 'points';
    if (isWhole) add('points', units, sumFormula(units.length));
    if (isWhole) score.points = ['points'];
  }
  add(plain, units, MEAN_PERCENT);
  const columns = task.fields.category === undefined ? [] : [task.fields.category].flat();
  for (const [place, column] of columns.entries()) {
    const groups = groupsBy(units, ({ at }) => categoryName(task, rows[at]!.categories[place] ?? null));
    for (const [name, members] of groups) {
      const shown = scoreName(name);
      const isFree = !Object.hasOwn(score.scores, shown) && !NOT_CATEGORIES.includes(shown);
      const isMain = place === 0 && task.mainCategories === true && isFree;
      const prefix = place === 0 ? plain : `${plain}/${column.replaceAll('/', '-')}`;
      add(isMain ? shown : `${prefix}/${shown}`, members, isMain ? MEAN_PERCENT : null);
    }
    if (place === 0 && task.score === 'macro-mean') addMacroMean(score, [...groups.values()], rows.length);
  }
  return score;
}

/** Something scored as one: a question, or a group noted with its first question. */
interface Unit {
  /** Position in the rows. */
  at: number;
  value: number;
}

function meanOf(units: readonly Unit[]): number {
  return units.reduce((sum, { value }) => sum + value, 0) / units.length;
}

/** [rows, 2]: values and numbers of units. */
function countsOf(units: readonly Unit[], rows: number): Float64Array {
  const counts = new Float64Array(2 * rows);
  for (const { at, value } of units) {
    counts[2 * at] = value;
    counts[2 * at + 1] = 1;
  }
  return counts;
}

/** A sum as the mean times the number of questions, so that a resample with more of them does not have more points. */
function sumFormula(count: number): Formula {
  return {
    terms: [{ factor: count, ratios: [{ numerator: [[0, 1]], denominator: [[1, 1]] }] }],
    zeroByZero: 'nothing',
  };
}

function groupsBy(units: readonly Unit[], nameOf: (unit: Unit) => string | null): Map<string, Unit[]> {
  const groups = new Map<string, Unit[]>();
  for (const unit of units) {
    const name = nameOf(unit);
    if (name === null) continue;
    const group = groups.get(name);
    if (group) group.push(unit);
    else groups.set(name, [unit]);
  }
  return groups;
}

/**
 * Questions that are copies of one another, with other orders of the options: right only if all are. Source: VLMEvalKit
 * vlmeval/dataset/utils/multiple_choice.py, mcq_circular_eval.
 */
function circularGroups(whole: WholeSplit, rows: readonly TaskRow[], values: readonly number[]): Unit[] {
  const copies = groupsBy(
    rows.map((_, at) => ({ at, value: values[at]! })),
    ({ at }) => rows[at]!.group,
  );
  return [...copies].flatMap(([group, members]) => {
    if (members.length !== whole.copies.get(group)) return [];
    if (members.some(({ at }) => rows[at]!.grade === null)) return [];
    return [{ at: members[0]!.at, value: members.every(({ value }) => value === 1) ? 1 : 0 }];
  });
}

/** Adds the mean of the categories' means as the headline. */
function addMacroMean(score: Score, categories: readonly Unit[][], rows: number): void {
  const width = 2 * categories.length;
  const counts = new Float64Array(width * rows);
  categories.forEach((units, c) => {
    for (const { at, value } of units) {
      counts[width * at + 2 * c] = value;
      counts[width * at + 2 * c + 1] = 1;
    }
  });
  const terms: Term[] = categories.map((_, c) => ({
    factor: 100 / categories.length,
    ratios: [{ numerator: [[2 * c, 1]], denominator: [[2 * c + 1, 1]] }],
  }));
  const statistic: Statistic = { width, counts, formula: { terms, zeroByZero: 'nothing' } };
  const without = score.n - categories.reduce((sum, units) => sum + units.length, 0);
  if (without > 0) {
    score.notes = [
      `${countOf(without, 'question has', 'questions have')} no category and no part in macro.`,
      ...score.notes,
    ];
  }
  score.headline = 'macro';
  score.scores['macro'] = categories.reduce((sum, units) => sum + 100 * meanOf(units), 0) / categories.length;
  score.counts['macro'] = categories.reduce((sum, units) => sum + units.length, 0);
  score.statistics['macro'] = statistic;
}

/** A category as the task names it; two with the same name are one. null for none. */
export function categoryName({ categoryNames }: TaskFile, category: string | null): string | null {
  return category === null ? null : (ownValue(categoryNames, category) ?? category);
}

/** A category's name in the names of scores, where slashes separate parts. */
export function scoreName(category: string): string {
  return category.replaceAll('/', '-');
}

function notesOf({ notes = [] }: TaskFile, unscored: number): string[] {
  if (unscored === 0) return [...notes];
  return [
    `${countOf(unscored, 'question has', 'questions have')} no right answer and ${unscored === 1 ? 'is' : 'are'} not scored.`,
    ...notes,
  ];
}

function ownValue(map: Record<string, string> | undefined, key: string): string | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}
