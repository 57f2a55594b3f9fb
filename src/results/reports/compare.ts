import type { RunResult } from '../runs/load-run.js';
import type { QuestionScores } from '../runs/question-scores.js';
import { type Difference, differences } from '../runs/run-identity.js';
import { modelKey, modelLabels } from '../runs/run-names.js';
import { trainedResolution } from '../runs/run-record.js';
import {
  bootstrapPValue,
  type Interval,
  percentileInterval,
  resampledScores,
  resampleSums,
  standardError,
} from '../statistics/bootstrap.js';
import { type Column, columnsOf, evaluateFormula, type Formula, renumberColumns } from '../statistics/formula.js';
import { detectableDifference, holmAdjusted, mcnemarMidP } from '../statistics/significance.js';

/** A run with what a comparison needs besides its files of results. */
export interface ComparedRun {
  run: RunResult;
  /** Makes intervals and tests possible. */
  questions?: QuestionScores | null;
  /** What others published about the model on this benchmark. */
  published?: PublishedReference | null;
}

/** A published number, from outside of the results. */
export interface PublishedReference {
  score: number;
  source: { title: string; address: string };
  /** Why the measured score cannot be set against it; empty when it can. */
  mismatches: readonly string[];
  /** What a reader must know of the number; null when nothing. */
  note: string | null;
}

export interface CompareOptions {
  /** Score to compare; each benchmark's headline without it. */
  metric?: string;
  /** `modelKey` of the model that differences are to; that of the first run without it. */
  baseline?: string;
  /** Order of a benchmark's rows; as named without it. */
  sort?: SortKey;
}

export type SortKey = 'score' | 'difference' | 'latency' | 'name';

/** The runs of one benchmark beside each other. */
export interface Comparison {
  benchmark: string;
  /** The score that is compared; null where a server or a judge scores. */
  metric: string | null;
  unit: 'percent' | 'points';
  rows: ComparisonRow[];
  /** What a reader must know before believing the numbers. */
  notes: string[];
}

export interface ComparisonRow {
  run: RunResult;
  /** How tables call the run's model. */
  label: string;
  /** null when the run has no score of this name. */
  score: number | null;
  /** 95 % interval of the score, in its unit; null when it is unknown. */
  interval: Interval | null;
  /** Differences are to this run, or would be if others were comparable with it. */
  isBaseline: boolean;
  /** To the baseline's run of the same questions; null for that run itself, and where there is none. */
  difference: ScoreDifference | null;
  published:
    | (PublishedReference & {
        /** Measured less published; null when they cannot be compared. */ difference: number | null;
      })
    | null;
}

export interface ScoreDifference {
  /** In the unit of the score. */
  points: number;
  /** 95 %, paired bootstrap over images; null when it is unknown. */
  interval: Interval | null;
  /** Two-sided, of the same bootstrap. */
  pValue: number | null;
  /** The same for all differences of the comparison together (Holm). */
  adjustedPValue: number | null;
  /** Difference that a test at 5 % would find four times in five with these questions. */
  detectable: number | null;
  /** On the questions that only one of the two answers right; null where questions are not just right or wrong. */
  mcnemar: { onlyBaseline: number; onlyThis: number; pValue: number } | null;
}

const FEW_IMAGES = 20; // the bootstrap of fewer units is known to be too narrow

/**
 * Compares the runs of each benchmark with those of the baseline's model. A run on other data, another split, limit or
 * prompt than the baseline's keeps its row, but gets no difference, and a note that names the field.
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
  const wanted = baseline ?? modelKey(all[0]!.run);
  const bases = entries.filter(({ run }) => modelKey(run) === wanted);
  const notes = new Set<string>();
  if (bases.length === 0 && baseline === undefined) bases.push(entries[0]!);
  if (bases.length === 0) notes.add('The baseline has no run: no differences.');
  const first = bases[0] ?? entries[0]!;
  const name = metric ?? first.run.metrics.headline;
  const resampled = resampleScores(entries, name);
  const rows = entries.map((entry): ComparisonRow => {
    const { run, label, questions } = entry;
    for (const note of [...sizeNotes(entry), ...latencyNotes(first, entry)]) notes.add(note);
    const base = bases.find((other) => incomparableFields(other.run, run).length === 0);
    if (!base && bases.length > 0) {
      for (const { field, first: theirs, second: own } of incomparableFields(first.run, run)) {
        notes.add(`${label} is not comparable with ${first.label}: ${field} is ${show(own)}, not ${show(theirs)}.`);
      }
    }
    const score = scoreOf(run, name);
    const published = publishedOf(entry, name, score);
    for (const note of publishedNotes(label, published)) notes.add(note);
    if (score !== null && questions !== undefined && !resampled.get(entry)) notes.add(noIntervalNote(entry, name!));
    if (questions && questions.images.count < FEW_IMAGES) {
      notes.add(`intervals over ${questions.images.count} images are too narrow.`);
    }
    return {
      run,
      label,
      score,
      interval: run.metrics.intervals[name ?? ''] ?? null,
      isBaseline: base === entry,
      difference: base && base !== entry ? differenceBetween(base, entry, name, resampled) : null,
      published,
    };
  });
  const unit = name !== null && first.run.metrics.points.includes(name) ? 'points' : 'percent';
  return { benchmark: first.run.metrics.benchmark, metric: name, unit, rows: sorted(rows, sort), notes: [...notes] };
}

function scoreOf({ metrics }: RunResult, name: string | null): number | null {
  return (name === null ? undefined : metrics.scores[name]) ?? null;
}

/** The fields that decide which questions were asked and how they were scored, where they differ. */
export function incomparableFields(first: RunResult, second: RunResult): Difference[] {
  return differences(first.record.identity, second.record.identity).filter(
    ({ field }) => !/^(model|device|preprocessingVersion)(\.|$)/.test(field),
  );
}

/**
 * The score of each run in each resample; runs of the same questions share the resamples. No entry where it is not known
 * how the score follows from the questions.
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

/** What a score is made of. */
interface Countable {
  questions: QuestionScores;
  /** Those that the formula reads, in the order in which it numbers them. */
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
  const mcnemar = isPaired ? mcnemarOf(base.questions!, entry.questions!) : null;
  if (!isPaired || !baseScores || !ownScores) return { ...untested, mcnemar };
  const drawn = ownScores.map((score, i) => score - baseScores[i]!);
  const error = standardError(drawn);
  return {
    ...untested,
    interval: percentileInterval(drawn),
    pValue: bootstrapPValue(drawn),
    detectable: error > 0 ? detectableDifference(error) : null,
    mcnemar,
  };
}

/** Pairs are made by place: the questions must be the same in the same order, of which their images are the witness. */
function sameQuestions(first?: QuestionScores | null, second?: QuestionScores | null): boolean {
  if (!first || !second || first.imageNames.length !== second.imageNames.length) return false;
  return first.imageNames.every((name, i) => name === second.imageNames[i]);
}

function mcnemarOf({ scores: first }: QuestionScores, { scores: second }: QuestionScores): ScoreDifference['mcnemar'] {
  const isRightOrWrong = (score: number | null) => score === null || score === 0 || score === 1;
  if (!first.every(isRightOrWrong) || !second.every(isRightOrWrong)) return null;
  let [onlyBaseline, onlyThis] = [0, 0];
  first.forEach((theirs, i) => {
    const own = second[i]!;
    if (theirs === 1 && own === 0) onlyBaseline++;
    if (theirs === 0 && own === 1) onlyThis++;
  });
  return { onlyBaseline, onlyThis, pValue: mcnemarMidP(onlyBaseline, onlyThis) };
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
    ...(mismatches.length > 0 ? [`${label}: the published ${score} is of ${mismatches.join(', ')}.`] : []),
    ...(note === null ? [] : [`${label}: the published ${score}: ${note}.`]),
  ];
}

function noIntervalNote({ label, questions }: Entry, name: string): string {
  return questions === null
    ? `${label} has no counts per question: no interval for it. The command that made it, given again, writes them.`
    : `${name} is no function of sums over the questions: no interval for it.`;
}

/** Ties and what is unknown stay in the order in which they were named. */
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
  return [`${label}: the checkpoint was trained at ${trained} px, not at this size.`];
}

/** Reasons why two runs' times do not tell which model is faster. */
function latencyNotes(first: Entry, second: Entry): string[] {
  const machines = ({ run }: Entry) => [
    ...new Set(run.record.sessions.map(({ host }) => `${host.cpu ?? host.platform}, ${host.cores} cores`)),
  ];
  const own = machines(second);
  const notes = own.length > 1 ? [`${second.label} was measured on several machines: ${own.join('; ')}.`] : [];
  const reference = machines(first);
  if (own.length === 1 && reference.length === 1 && own[0] !== reference[0]) {
    notes.push(
      `${second.label} was measured on ${own[0]}, ${first.label} on ${reference[0]}: do not compare their times.`,
    );
  }
  return notes;
}

function show(value: unknown): string {
  return value === null ? 'none' : String(value);
}
