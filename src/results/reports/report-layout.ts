import { basename, resolve } from 'node:path';
import type { Align, PlainTable } from '../../terminal/table.js';
import { askedQuestions } from '../runs/asked-questions.js';
import type { RunResult } from '../runs/load-run.js';
import { type BenchmarkNotes, benchmarkNotes } from './benchmark-notes.js';
import {
  type Comparison,
  type ComparisonRow,
  compareRuns,
  incomparableFields,
  type PublishedReference,
} from './compare.js';
import {
  type Column,
  MODEL_COLUMNS,
  publishedSources,
  publishedText,
  type Source,
  SPEED_COLUMNS,
  scoreOf,
} from './comparison-tables.js';
import { quantisedNote } from './quantised.js';

/** Contents of a report's tables, before any markup. */
export interface ReportLayout {
  runs: readonly RunResult[];
  scores: ScoreTable;
  /** One line per run. */
  speed: PlainTable;
  /** Explanations of marks in the tables. */
  footnotes: string[];
  /** Caveats for the reader. */
  notes: string[];
}

export interface ScoreTable {
  titles: string[];
  align: Align[];
  /** In the order in which the models were given. */
  lines: ScoreLine[];
}

/** A model's columns, then one cell per benchmark with the scores of its runs: usually one, none without a run. */
export interface ScoreLine {
  model: string[];
  runs: RunResult[];
  cells: ReportScore[][];
}

export interface ReportScore {
  /** Published score at this size, split and protocol, with the number of its source: "70.9 [1]". */
  published: string | null;
  /** Percent or points, as in the column's title. */
  value: number;
  /** As printed. */
  text: string;
  /** 95 % interval as `[low, high]`; null if unknown. */
  interval: string | null;
  /** False if questions or protocol differ from the benchmark's first run. */
  comparable: boolean;
}

/** Finds the published score of a run's model on its benchmark; null if there is none. */
export type PublishedOf = (run: RunResult) => PublishedReference | null;

export const NOT_COMPARABLE = 'not comparable with the first run of the benchmark';

/** Columns of a model. Visual tokens belong to a run: they are a mean over the benchmark's images. */
const LINE_COLUMNS = MODEL_COLUMNS.filter(({ title }) => title !== 'visual tokens');

/** The input size alone: the score table has the training size, and this table is wide. */
const SPEED_MODEL_COLUMNS = MODEL_COLUMNS.map((column) =>
  column.title === 'size (px)'
    ? { ...column, cell: ({ run }: { run: RunResult }) => String(run.record.identity.model.resolution ?? '-') }
    : column,
);

/** Lines, columns and notes of finished runs, independent of the markup. */
export function reportLayout(runs: readonly RunResult[], publishedOf: PublishedOf = () => null): ReportLayout {
  // A benchmark's first run determines the score to compare; a run without a score would leave the column empty.
  const scored = runs.filter(({ metrics }) => metrics.headline !== null);
  const comparisons = compareRuns(
    [...scored, ...runs.filter((run) => !scored.includes(run))].map((run) => ({
      run,
      published: comparablePublished(run, publishedOf),
    })),
  );
  const sources = publishedSources(comparisons);
  const compared = new Map(comparisons.flatMap(({ rows }) => rows.map((row) => [row.run, row] as const)));
  const rows = runs.map((run) => compared.get(run)!);
  const speedColumns = [...SPEED_MODEL_COLUMNS, BENCHMARK_COLUMN, ...SPEED_COLUMNS];
  return {
    runs,
    scores: {
      titles: [...LINE_COLUMNS.map(({ title }) => title), ...comparisons.map(scoreTitle)],
      align: [...LINE_COLUMNS.map(({ align }) => align), ...comparisons.map((): Align => 'right')],
      lines: scoreLines(rows, comparisons, sources),
    },
    speed: {
      titles: speedColumns.map(({ title }) => title),
      align: speedColumns.map(({ align }) => align),
      lines: rows.map((row) => speedColumns.map(({ cell }) => cell(row))),
    },
    footnotes: [...sources.map(({ title, address }, i) => `[${i + 1}] ${title}: ${address}`), ...quantisedNotes(runs)],
    notes: [...runNotes(runs), ...benchmarkNotes([...comparisons, ...scoreNotes(runs)])],
  };
}

/** The highest comparable score of each column, as printed; null if there are fewer than two. */
export function bestTexts({ lines }: ScoreTable): (string | null)[] {
  const columns = lines[0]?.cells.length ?? 0;
  return Array.from({ length: columns }, (_, column) => {
    const scores = lines.flatMap(({ cells }) => cells[column]!).filter(({ comparable }) => comparable);
    if (scores.length < 2) return null;
    return scores.reduce((best, score) => (score.value > best.value ? score : best)).text;
  });
}

/** The published score of a run's model, if the run is comparable with it. */
export function comparablePublished(run: RunResult, publishedOf: PublishedOf): PublishedReference | null {
  const published = publishedOf(run);
  return published?.mismatches.length === 0 ? published : null;
}

/** The row of published scores below a model's, each in the place of its run; null if there are none. */
export function publishedLine({ model: [name, size], cells }: ScoreLine, none: string): string[] | null {
  const texts = cells.map((scores) =>
    scores.every(({ published }) => published === null)
      ? null
      : scores.map(({ published }) => published ?? none).join(' / '),
  );
  if (texts.every((text) => text === null)) return null;
  const others = LINE_COLUMNS.slice(2).map(() => none);
  return [`${name!}, published`, size!, ...others, ...texts.map((text) => text ?? none)];
}

/** Name of a run folder without its path. */
export function runName({ folder }: RunResult): string {
  return basename(resolve(folder));
}

const BENCHMARK_COLUMN: Column = { title: 'benchmark', align: 'left', cell: ({ run }) => run.metrics.benchmark };

function scoreTitle({ benchmark, metric, unit, rows }: Comparison): string {
  const { split } = rows[0]!.run.metrics;
  if (metric === null) return `${benchmark} ${split} (not scored locally)`;
  return `${benchmark} ${split} ${metric} (${unit === 'points' ? 'points' : '%'})`;
}

function scoreLines(
  rows: readonly ComparisonRow[],
  comparisons: readonly Comparison[],
  sources: readonly Source[],
): ScoreLine[] {
  const lines = new Map(rows.map((row) => [lineKey(row), row]));
  return [...lines].map(([key, any]) => ({
    model: LINE_COLUMNS.map(({ cell }) => cell(any)),
    runs: rows.filter((row) => lineKey(row) === key).map(({ run }) => run),
    cells: comparisons.map((comparison) =>
      comparison.rows.filter((row) => lineKey(row) === key).flatMap((row) => reportScore(row, comparison, sources)),
    ),
  }));
}

/** The same name with other weights is another model. */
function lineKey(row: ComparisonRow): string {
  return JSON.stringify([...LINE_COLUMNS.map(({ cell }) => cell(row)), row.run.record.identity.model.weightsHash]);
}

function reportScore(row: ComparisonRow, comparison: Comparison, sources: readonly Source[]): ReportScore[] {
  const printed = scoreOf(row, comparison);
  if (printed === null) return [];
  const first = comparison.rows.find(({ isBaseline }) => isBaseline) ?? row;
  return [
    {
      value: row.score!,
      text: printed.text + row.mark,
      interval: printed.interval,
      published: row.published && publishedText(row.published, sources),
      comparable: incomparableFields(first.run, row.run).length === 0,
    },
  ];
}

function quantisedNotes(runs: readonly RunResult[]): string[] {
  const note = quantisedNote(runs.map(({ record }) => record.identity.model.precision));
  return note === null ? [] : [note];
}

/** Notes on the scores of runs: on a benchmark where all of its runs have them, else on the runs that do. */
function scoreNotes(runs: readonly RunResult[]): BenchmarkNotes[] {
  return runs.flatMap((run) => {
    const { benchmark, notes } = run.metrics;
    const others = runs.filter(({ metrics }) => metrics.benchmark === benchmark);
    return notes.map((note) => {
      const isOfAll = others.every(({ metrics }) => metrics.notes.includes(note));
      return { benchmark: isOfAll ? benchmark : runName(run), notes: [note] };
    });
  });
}

/** Notes on single runs, each once with the names of all runs that it is about. */
function runNotes(runs: readonly RunResult[]): string[] {
  const namesOf = new Map<string, Set<string>>();
  for (const run of runs) {
    for (const note of notesOf(run)) namesOf.set(note, (namesOf.get(note) ?? new Set()).add(runName(run)));
  }
  return [...namesOf].map(([note, names]) =>
    names.size > 1 && names.size === new Set(runs.map(runName)).size
      ? `All runs: ${note}`
      : `${[...names].join(', ')}: ${note}`,
  );
}

function notesOf({ metrics: { n, failed }, record }: RunResult): string[] {
  const part = askedQuestions(record.identity.protocol);
  return [
    ...(part === null ? [] : [`only ${part.text}.`]),
    ...(failed === 0 ? [] : [`${failed} of ${n} questions failed and count as wrong.`]),
  ];
}
