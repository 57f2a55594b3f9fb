import { basename, resolve } from 'node:path';
import type { Align, PlainTable } from '../../terminal/table.js';
import type { RunResult } from '../runs/load-run.js';
import { scoreText } from '../statistics/digits.js';
import { benchmarkNotes } from './benchmark-notes.js';
import { type Comparison, type ComparisonRow, compareRuns, type PublishedReference } from './compare.js';
import {
  type Column,
  MODEL_COLUMNS,
  publishedSources,
  publishedText,
  type Source,
  SPEED_COLUMNS,
} from './comparison-tables.js';
import { quantisedNote } from './quantised.js';

/** What the tables of a report hold, before any markup. */
export interface ReportLayout {
  runs: readonly RunResult[];
  scores: ScoreTable;
  /** A line per run. */
  speed: PlainTable;
  /** What marks in the tables mean. */
  footnotes: string[];
  /** What a reader must know before believing the numbers. */
  notes: string[];
}

export interface ScoreTable {
  titles: string[];
  align: Align[];
  /** In the order in which the models were named. */
  lines: ScoreLine[];
}

/** A model: its columns, then one cell per benchmark with the scores of its runs; as a rule one, none without a run. */
export interface ScoreLine {
  model: string[];
  runs: RunResult[];
  cells: ReportScore[][];
}

export interface ReportScore {
  /** What is published about the model at this size, split and protocol, with the number of its source: "70.9 [1]". */
  published: string | null;
  /** Percent or points, as the column's title says. */
  value: number;
  /** With the digits that are printed. */
  text: string;
  /** `[low, high]`, 95 %; null when it is unknown. */
  interval: string | null;
  /** false where other questions were asked than in the first run of the benchmark, or in another way. */
  comparable: boolean;
}

/** Finds what is published about a run's model on its benchmark; null when nothing is. */
export type PublishedOf = (run: RunResult) => PublishedReference | null;

export const NOT_COMPARABLE = 'not comparable with the first run of that benchmark';

/** Of a model, not of a run: visual tokens per image are a mean over a benchmark's images. */
const LINE_COLUMNS = MODEL_COLUMNS.filter(({ title }) => title !== 'visual tokens');

/** The size alone: the table of scores tells the trained one, and this one is wide. */
const SPEED_MODEL_COLUMNS = MODEL_COLUMNS.map((column) =>
  column.title === 'size (px)'
    ? { ...column, cell: ({ run }: { run: RunResult }) => String(run.record.identity.model.resolution) }
    : column,
);

/** Lines, columns and notes of finished runs, the same for every kind of markup. */
export function reportLayout(runs: readonly RunResult[], publishedOf: PublishedOf = () => null): ReportLayout {
  // A benchmark's first run gives the score that is compared: one that has none would leave the column empty.
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
    notes: [
      ...new Set(runs.flatMap(runNotes)),
      ...benchmarkNotes([...comparisons, ...runs.map(({ metrics }) => metrics)]),
    ],
  };
}

/** Per column the highest comparable score as it is printed; null where there are not two to choose from. */
export function bestTexts({ lines }: ScoreTable): (string | null)[] {
  const columns = lines[0]?.cells.length ?? 0;
  return Array.from({ length: columns }, (_, column) => {
    const scores = lines.flatMap(({ cells }) => cells[column]!).filter(({ comparable }) => comparable);
    if (scores.length < 2) return null;
    return scores.reduce((best, score) => (score.value > best.value ? score : best)).text;
  });
}

/** What is published about a run's model, if the run can be set against it. */
export function comparablePublished(run: RunResult, publishedOf: PublishedOf): PublishedReference | null {
  const published = publishedOf(run);
  return published?.mismatches.length === 0 ? published : null;
}

/**
 * A row under a model's with what is published about it; null when nothing is. Runs of a benchmark that share a cell have
 * one published number.
 */
export function publishedLine({ model: [name, size], cells }: ScoreLine, none: string): string[] | null {
  const texts = cells.map((scores) => scores.find(({ published }) => published !== null)?.published ?? null);
  if (texts.every((text) => text === null)) return null;
  const others = LINE_COLUMNS.slice(2).map(() => none);
  return [`${name!}, published`, size!, ...others, ...texts.map((text) => text ?? none)];
}

/** The last part of a result folder's path. */
export function runName({ folder }: RunResult): string {
  return basename(resolve(folder));
}

const BENCHMARK_COLUMN: Column = { title: 'benchmark', align: 'left', cell: ({ run }) => run.metrics.benchmark };

function scoreTitle({ benchmark, metric, unit, rows }: Comparison): string {
  const { split } = rows[0]!.run.metrics;
  if (metric === null) return `${benchmark} ${split} (not scored here)`;
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

/** Other weights under the same name are another model. */
function lineKey(row: ComparisonRow): string {
  return JSON.stringify([...LINE_COLUMNS.map(({ cell }) => cell(row)), row.run.record.identity.model.weightsHash]);
}

function reportScore(row: ComparisonRow, { metric: headline }: Comparison, sources: readonly Source[]): ReportScore[] {
  if (headline === null || row.score === null) return [];
  return [
    {
      value: row.score,
      ...scoreText(row.run.metrics, headline),
      published: row.published && publishedText(row.published, sources),
      comparable: row.isBaseline || row.difference !== null,
    },
  ];
}

function quantisedNotes(runs: readonly RunResult[]): string[] {
  const note = quantisedNote(runs.map(({ record }) => record.identity.model.precision));
  return note === null ? [] : [note];
}

function runNotes(run: RunResult): string[] {
  const { n, failed } = run.metrics;
  const limit = run.record.identity.protocol['limit'] ?? null;
  return [
    ...(limit === null ? [] : [`${runName(run)}: the first ${limit} questions only.`]),
    ...(failed === 0 ? [] : [`${runName(run)}: ${failed} of ${n} questions have no answer and count as wrong.`]),
  ];
}
