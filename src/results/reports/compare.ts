import { countOf } from '../../shared/count-of.js';
import { machineName } from '../runs/host.js';
import type { RunResult } from '../runs/load-run.js';
import type { JudgeRecord } from '../runs/metrics.js';
import type { QuestionScores } from '../runs/question-scores.js';
import { type Difference, differences, optionText } from '../runs/run-identity.js';
import { modelKey, modelLabels } from '../runs/run-names.js';
import { trainedResolution } from '../runs/run-record.js';
import {
  bootstrapPValue,
  type Interval,
  resampledScores,
  resampleSums,
  standardError,
} from '../statistics/bootstrap.js';
import { type Column, columnsOf, evaluateFormula, type Formula, renumberColumns } from '../statistics/formula.js';
import { differenceInterval } from '../statistics/score-interval.js';
import { detectableDifference, holmAdjusted, mcnemarMidP } from '../statistics/significance.js';
import { runMarks } from './run-marks.js';

/** A run with the additional data for a comparison. */
export interface ComparedRun {
  run: RunResult;
  /** Needed for intervals and tests. */
  questions?: QuestionScores | null;
  /** Published score of the model on this benchmark. */
  published?: PublishedReference | null;
}

/** A published score. */
export interface PublishedReference {
  score: number;
  source: { title: string; address: string };
  /** Settings that differ from the run's; empty if the scores are comparable. */
  mismatches: readonly string[];
  /** Caveat on the published score, or null. */
  note: string | null;
}

export interface CompareOptions {
  /** Score to compare (default: each benchmark's main score). */
  metric?: string;
  /** `modelKey` of the baseline (default: that of the first run). */
  baseline?: string;
  /** Order of the rows (default: as given). */
  sort?: SortKey;
}

export type SortKey = 'score' | 'difference' | 'latency' | 'name';

/** Comparison of the runs of one benchmark. */
export interface Comparison {
  benchmark: string;
  /** The compared score; null if a server or a judge scores. */
  metric: string | null;
  unit: 'percent' | 'points';
  rows: ComparisonRow[];
  /** Caveats for the reader. */
  notes: string[];
}

export interface ComparisonRow {
  run: RunResult;
  /** Label of the run's model in tables. */
  label: string;
  /** What tells the run's score from those of others: " (first 20)"; usually empty. See `runMarks`. */
  mark: string;
  /** Null if the run has no score of this name. */
  score: number | null;
  /** 95 % interval in the unit of the score; null if unknown. */
  interval: Interval | null;
  /** Whether this run is the baseline of comparable runs. */
  isBaseline: boolean;
  /** Difference from the baseline's run of the same questions; null for the baseline and if there is no such run. */
  difference: ScoreDifference | null;
  published:
    | (PublishedReference & {
        /** Measured minus published; null if not comparable. */ difference: number | null;
      })
    | null;
}

export interface ScoreDifference {
  /** In the unit of the score. */
  points: number;
  /** 95 % interval from a paired bootstrap over images; null if unknown. */
  interval: Interval | null;
  /** Two-sided, from the same bootstrap. */
  pValue: number | null;
  /** p-value corrected for all differences of the comparison (Holm). */
  adjustedPValue: number | null;
  /** Smallest difference that a test at the 5 % level would find with 80 % power. */
  detectable: number | null;
  /** Over the score's questions that only one of the two answers correctly; null if they are not just right or wrong. */
  mcnemar: { onlyBaseline: number; onlyThis: number; pValue: number } | null;
}

const FEW_IMAGES = 20; // bootstrap intervals over fewer units are too narrow

/**
 * Compares the runs of each benchmark with the baseline's run. A run whose data, split, limit or prompt differ from the
 * baseline's keeps its row but gets no difference, and a note names the field.
 */
export function compareRuns(entries: readonly ComparedRun[], options: CompareOptions = {}): Comparison[] {
  const labels = modelLabels(entries.map(({ run }) => run));
  const labelled = entries.map((entry, i) => ({ ...entry, label: labels[i]! }));
  const names = [...new Set(entries.map(({ run }) => run.metrics.benchmark))];
  const comparisons = names.map((name) =>
    compareOne(
      labelled.filter(({ run }) => run.metrics.benchmark === name),
      labelled,
      options,
    ),
  );
  const tested = comparisons.flatMap(({ rows }) => rows.flatMap(({ difference }) => difference ?? []));
  holmAdjusted(tested.map(({ pValue }) => pValue)).forEach((pValue, i) => {
    tested[i]!.adjustedPValue = pValue;
  });
  return comparisons;
}

interface Entry extends ComparedRun {
  label: string;
}

function compareOne(entries: Entry[], all: readonly Entry[], { metric, baseline, sort }: CompareOptions): Comparison {
  const baselineKey = baseline ?? modelKey(all[0]!.run);
  const bases = baseRuns(
    entries.filter(({ run }) => modelKey(run) === baselineKey),
    entries,
  );
  const notes = new Set<string>();
  if (bases.length === 0 && baseline === undefined) bases.push(entries[0]!);
  if (bases.length === 0) notes.add('The baseline has no run of this benchmark, so there are no differences.');
  const first = bases[0] ?? entries[0]!;
  // A run that nobody has graded yet does not hide the scores of others.
  const headlines = [first, ...entries].flatMap(({ run }) => run.metrics.headline ?? []);
  const name = metric ?? headlines[0] ?? null;
  const resampled = resampleScores(entries, name);
  const marks = runMarks(entries.map(({ run }) => run));
  const firstMark = marks[entries.indexOf(first)]!;
  const rows = entries.map((entry, i): ComparisonRow => {
    const mark = marks[i]!;
    const { run, label, questions } = entry;
    for (const note of [...sizeNotes(entry), ...latencyNotes(first, entry), ...imageNotes(first, entry)])
      notes.add(note);
    const base = bases.find((other) => incomparableFields(other.run, run).length === 0);
    if (!base && bases.length > 0) {
      for (const { field, first: theirs, second: own } of incomparableFields(first.run, run)) {
        notes.add(
          `${label}${mark} is not comparable with ${first.label}${firstMark}: ${field} is ` +
            `${optionText(own)}, not ${optionText(theirs)}.`,
        );
      }
    }
    for (const note of gradingNotes(label + mark, run)) notes.add(note);
    const score = scoreOf(run, name);
    const published = publishedOf(entry, name, score);
    for (const note of publishedNotes(label, published)) notes.add(note);
    if (score !== null && questions !== undefined && !resampled.get(entry)) notes.add(noIntervalNote(entry, name!));
    if (questions && questions.images.count > 1 && questions.images.count < FEW_IMAGES) {
      notes.add(`Bootstrapped intervals over only ${questions.images.count} images are too narrow.`);
    }
    return {
      run,
      label,
      mark,
      score,
      interval: run.metrics.intervals[name ?? ''] ?? null,
      isBaseline: base === entry,
      difference: base && base !== entry ? differenceBetween(base, entry, name, resampled) : null,
      published,
    };
  });
  const unit = unitOf(first.run, name);
  return { benchmark: first.run.metrics.benchmark, metric: name, unit, rows: sorted(rows, sort), notes: [...notes] };
}

/**
 * The runs that others are compared with: the first of the baseline model, and its runs of other questions that another
 * model's run shares.
 */
function baseRuns(ofBaseline: readonly Entry[], entries: readonly Entry[]): Entry[] {
  return ofBaseline.filter(
    (base, i) =>
      i === 0 ||
      entries.some((other) => !ofBaseline.includes(other) && incomparableFields(base.run, other.run).length === 0),
  );
}

function unitOf({ metrics }: RunResult, name: string | null): 'percent' | 'points' {
  return name !== null && metrics.points.includes(name) ? 'points' : 'percent';
}

function scoreOf({ metrics }: RunResult, name: string | null): number | null {
  return (name === null ? undefined : metrics.scores[name]) ?? null;
}

/** The fields that differ between two runs and make them incomparable: data, split, questions, protocol, scoring. */
export function incomparableFields(first: RunResult, second: RunResult): Difference[] {
  const fields = differences(first.record.identity, second.record.identity).filter(
    // `protocol.maxNewTokens` repeats `maxNewTokens`.
    ({ field }) =>
      !/^(model|device|preprocessingVersion|generation|server)(\.|$)/.test(field) && field !== 'protocol.maxNewTokens',
  );
  const [images, others] = [first.metrics.images, second.metrics.images];
  if (images && others && images !== others) {
    fields.push({ field: 'images', first: images.slice(0, 8), second: others.slice(0, 8) });
  }
  const [judge, otherJudge] = [first, second].map(({ metrics }) => metrics.judge && judgeText(metrics.judge));
  if (judge !== undefined && otherJudge !== undefined && judge !== otherJudge) {
    fields.push({ field: 'judge', first: judge, second: otherJudge });
  }
  return fields;
}

function judgeText({ model, server, runs }: JudgeRecord): string {
  return `${model} at ${server}, ${runs} gradings`;
}

/** Versions that did not note the images may have read others of the same names. */
function imageNotes(first: Entry, { run, label }: Entry): string[] {
  const [images, others] = [first.run.metrics.images, run.metrics.images];
  if ((images === undefined) === (others === undefined)) return [];
  const unknown = images === undefined ? first.label : label;
  return [`it was not recorded which images ${unknown} was made from: they may be others of the same names.`];
}

/**
 * The score of each run in each resample. Runs of the same questions share resamples. Runs whose score cannot be computed
 * from per-question data have no entry.
 */
function resampleScores(entries: readonly Entry[], name: string | null): ReadonlyMap<Entry, Float64Array> {
  const groups: (Countable & { entry: Entry })[][] = [];
  for (const entry of entries) {
    const own = countable(entry, name);
    if (!own) continue;
    const group = groups.find(([first]) => sameQuestions(first!.questions, own.questions));
    if (group) group.push({ ...own, entry });
    else groups.push([{ ...own, entry }]);
  }
  const resampled = new Map<Entry, Float64Array>();
  for (const group of groups) {
    const columns = group.flatMap((member) => member.columns);
    const sums = resampleSums(columns, group[0]!.questions.images);
    if (!sums) continue;
    let first = 0;
    for (const { entry, columns, formula } of group) {
      const own = sums.slice(first, first + columns.length);
      resampled.set(
        entry,
        resampledScores(own, (row) => evaluateFormula(formula, row)),
      );
      first += columns.length;
    }
  }
  return resampled;
}

/** The inputs of a score, which is made of the questions with a number other than zero in a column. */
interface Countable {
  questions: QuestionScores;
  /** The columns that the formula uses, in its numbering. */
  columns: Column[];
  formula: Formula;
}

function countable({ questions }: Entry, name: string | null): Countable | null {
  if (!questions || name === null || !Object.hasOwn(questions.formulas, name)) return null;
  const formula = questions.formulas[name]!;
  const read = columnsOf(formula);
  return {
    questions,
    columns: read.map((column) => questions.columns[column]!),
    formula: renumberColumns(formula, (column) => read.indexOf(column)),
  };
}

function differenceBetween(
  base: Entry,
  entry: Entry,
  name: string | null,
  resampled: ReadonlyMap<Entry, Float64Array>,
): ScoreDifference | null {
  const [theirs, own] = [scoreOf(base.run, name), scoreOf(entry.run, name)];
  if (theirs === null || own === null) return null;
  const untested = { points: own - theirs, interval: null, pValue: null, adjustedPValue: null, detectable: null };
  const isPaired = sameQuestions(base.questions, entry.questions);
  const [baseScores, ownScores] = [resampled.get(base), resampled.get(entry)];
  const mcnemar = isPaired ? mcnemarOf(countable(base, name), countable(entry, name)) : null;
  if (!isPaired || !baseScores || !ownScores) return { ...untested, mcnemar };
  const drawn = ownScores.map((score, i) => score - baseScores[i]!);
  const error = standardError(drawn);
  return {
    ...untested,
    interval: differenceInterval(own - theirs, drawn, {
      images: base.questions!.images.count,
      unit: unitOf(base.run, name),
    }),
    pValue: bootstrapPValue(drawn),
    detectable: error > 0 ? detectableDifference(error) : null,
    mcnemar,
  };
}

/** Whether questions can be paired by index. They must be equal in the same order, which is checked by their images. */
function sameQuestions(first?: QuestionScores | null, second?: QuestionScores | null): boolean {
  if (!first || !second || first.imageNames.length !== second.imageNames.length) return false;
  return first.imageNames.every((name, i) => name === second.imageNames[i]);
}

/**
 * Over what the score is made of: questions of MME's cognition are not in its perception, and the copies of a question in
 * circular evaluation are one. null where that is not known, or answers may be partly right.
 */
function mcnemarOf(base: Countable | null, other: Countable | null): ScoreDifference['mcnemar'] {
  if (!base || !other) return null;
  const [first, second] = [gradeOf(base), gradeOf(other)];
  let [onlyBaseline, onlyThis] = [0, 0];
  for (let i = 0; i < base.questions.scores.length; i++) {
    if (!isCounted(base, i) && !isCounted(other, i)) continue;
    const [theirs, own] = [first(i), second(i)];
    const isRightOrWrong = [theirs, own].every((grade) => grade === null || grade === 0 || grade === 1);
    if (!isRightOrWrong) return null;
    if (theirs === 1 && own === 0) onlyBaseline++;
    if (theirs === 0 && own === 1) onlyThis++;
  }
  return { onlyBaseline, onlyThis, pValue: mcnemarMidP(onlyBaseline, onlyThis) };
}

function isCounted({ columns }: Countable, question: number): boolean {
  return columns.some((column) => valueIn(column, question) !== 0);
}

/** A mean's own values of questions, and for other scores whether answers are right. */
function gradeOf({ questions, columns, formula }: Countable): (question: number) => number | null {
  const [term, ...others] = formula.terms;
  const [ratio, ...factors] = term?.ratios ?? [];
  const isMean =
    others.length + factors.length === 0 && ratio?.numerator.length === 1 && ratio.denominator.length === 1;
  if (!isMean) return (question) => questions.scores[question]!;
  const column = columns[ratio.numerator[0]![0]]!;
  return (question) => valueIn(column, question);
}

function valueIn(column: Column, question: number): number {
  return typeof column === 'number' ? column : column[question]!;
}

function publishedOf({ run, published }: Entry, name: string | null, score: number | null): ComparisonRow['published'] {
  if (!published || name !== run.metrics.headline) return null;
  const isComparable = published.mismatches.length === 0 && score !== null;
  return { ...published, difference: isComparable ? score - published.score : null };
}

function publishedNotes(label: string, published: ComparisonRow['published']): string[] {
  if (!published) return [];
  const { score, mismatches, note } = published;
  return [
    ...(mismatches.length > 0 ? [`${label}: the published ${score} is for ${mismatches.join(', ')}.`] : []),
    ...(note === null ? [] : [`${label}: the published ${score}: ${note}.`]),
  ];
}

function gradingNotes(label: string, { metrics: { judge } }: RunResult): string[] {
  if (judge === undefined || judge.missing === 0) return [];
  const count = countOf(judge.missing, 'grading is', 'gradings are');
  return [`${label}: ${count} missing and left out. The same eval command requests them again.`];
}

function noIntervalNote({ label, questions }: Entry, name: string): string {
  if (questions === null)
    return `${label} has no per-question scores, so no interval. Rerun its eval command to compute them.`;
  if (questions && Object.hasOwn(questions.formulas, name))
    return 'All questions are about one image, so that differences have neither an interval nor a p-value.';
  return `${name} is not computed from sums over questions, so it has no interval.`;
}

/** Ties and unknown values keep the order given. */
function sorted(rows: ComparisonRow[], sort: SortKey | undefined): ComparisonRow[] {
  if (sort === undefined) return rows;
  if (sort === 'name') return rows.sort((a, b) => a.label.localeCompare(b.label, 'en'));
  const key = (row: ComparisonRow): number => {
    if (sort === 'score') return -(row.score ?? Number.NEGATIVE_INFINITY);
    if (sort === 'difference') return -(row.difference?.points ?? (row.isBaseline ? 0 : Number.NEGATIVE_INFINITY));
    return row.run.latency.firstTokenMs.p50 ?? Number.POSITIVE_INFINITY;
  };
  return rows.sort((a, b) => (key(a) === key(b) ? 0 : key(a) - key(b)));
}

function sizeNotes({ run, label }: Entry): string[] {
  const trained = trainedResolution(run.record);
  if (trained === null || trained === run.record.identity.model.resolution) return [];
  return [`${label}: the checkpoint was trained at ${trained} px.`];
}

/** Reasons why the times of two runs are not comparable. */
function latencyNotes(first: Entry, second: Entry): string[] {
  const machines = ({ run }: Entry) => [...new Set(run.record.sessions.map(({ host }) => machineName(host)))];
  const own = machines(second);
  const notes = own.length > 1 ? [`${second.label} was measured on several machines: ${own.join('; ')}.`] : [];
  const reference = machines(first);
  if (own.length === 1 && reference.length === 1 && own[0] !== reference[0]) {
    notes.push(
      `${second.label} was measured on ${own[0]}, ${first.label} on ${reference[0]}: their times are not comparable.`,
    );
  }
  return notes;
}
