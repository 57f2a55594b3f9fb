import type { Estimate } from './bootstrap.js';
import type { Comparison, ComparisonRow } from './compare.js';
import type { StageTimes } from './latency.js';
import { type Align, renderTable } from './table.js';

/** A column of a comparison: its title with the unit, and a row's entry. */
export interface Column {
  title: string;
  align: Align;
  cell(row: ComparisonRow): string;
}

const SPEED_TITLE = `Speed: median ms to decode an image, and of vision per image, prefill per question and decoding per token;
tokens/s of vision and language model together; questions/s end to end; batch is questions per batch`;
const INTERVAL_TITLE = '[low, high] is the 95 % interval (bootstrap over images)';
const NONE = '-';
const GIB = 2 ** 30;

/** Which model was run, and how. */
export const MODEL_COLUMNS: Column[] = [
  { title: 'model', align: 'left', cell: ({ run }) => run.record.identity.model.name },
  { title: 'size (px)', align: 'right', cell: ({ run }) => String(run.record.identity.model.resolution) },
  { title: 'visual tokens', align: 'right', cell: ({ run }) => number(run.latency.visualTokensPerImage, 0) },
  { title: 'precision', align: 'left', cell: ({ run }) => run.record.identity.model.precision },
  { title: 'device', align: 'left', cell: ({ run }) => run.record.identity.device },
];

/** What a run took. */
export const SPEED_COLUMNS: Column[] = [
  stage('image (ms)', ({ run }) => run.latency.stages.decodeImageMsPerImage),
  stage('vision (ms)', ({ run }) => run.latency.stages.visionMsPerImage),
  stage('prefill (ms)', ({ run }) => run.latency.stages.prefillMsPerQuestion),
  stage('token (ms)', ({ run }) => run.latency.stages.decodeMsPerToken),
  { title: 'tokens/s', align: 'right', cell: ({ run }) => number(run.latency.tokensPerSecond.model, 1) },
  { title: 'questions/s', align: 'right', cell: ({ run }) => number(run.latency.questionsPerSecond, 2) },
  { title: 'batch', align: 'right', cell: ({ run }) => number(run.latency.questionsPerBatch, 1) },
  { title: 'memory (GiB)', align: 'right', cell: ({ run }) => number(run.latency.peakMemoryBytes / GIB, 1) },
];

/** Scores, speed and notes of each benchmark as text for a terminal; with several benchmarks, all scores first. */
export function comparisonTables(comparisons: readonly Comparison[]): string {
  const parts = comparisons.map((comparison) =>
    [
      `${comparison.benchmark}: ${comparison.headline}`,
      render([...MODEL_COLUMNS, ...scoreColumns(comparison)], comparison.rows),
      ...(comparison.rows.some(({ interval }) => interval) ? [INTERVAL_TITLE] : []),
      '',
      SPEED_TITLE,
      render([...MODEL_COLUMNS, ...SPEED_COLUMNS], comparison.rows),
      ...(comparison.notes.length > 0 ? ['', ...comparison.notes.map((note) => `Note: ${note}`)] : []),
    ].join('\n'),
  );
  return [...(comparisons.length > 1 ? [overview(comparisons)] : []), ...parts].join('\n\n');
}

function scoreColumns({ headline }: Comparison): Column[] {
  return [
    {
      title: headline ?? 'score',
      align: 'right',
      cell: ({ score, interval }) => `${number(score, 2)}${range(interval)}`,
    },
    {
      title: 'difference to the first',
      align: 'right',
      cell: ({ difference }) => (difference ? `${signed(difference.points)}${range(difference.interval)}` : NONE),
    },
    { title: 'questions', align: 'right', cell: ({ run }) => String(run.metrics.n) },
    { title: 'failed', align: 'right', cell: ({ run }) => String(run.metrics.failed) },
  ];
}

/** One line per model, one column per benchmark. Two runs of a model on a benchmark share a cell. */
function overview(comparisons: readonly Comparison[]): string {
  const key = (row: ComparisonRow) =>
    MODEL_COLUMNS.filter(({ title }) => title !== 'visual tokens').map(({ cell }) => cell(row));
  const rows = comparisons.flatMap((comparison) => comparison.rows);
  const lines = new Map(rows.map((row) => [key(row).join('\n'), key(row)]));
  const scores = (comparison: Comparison, line: string) =>
    comparison.rows
      .filter((row) => key(row).join('\n') === line)
      .map((row) => `${number(row.score, 2)}${row !== comparison.rows[0] && !row.difference ? '*' : ''}`)
      .join(' / ') || NONE;
  const text = renderTable(
    [
      'model',
      'size (px)',
      'precision',
      'device',
      ...comparisons.map(({ benchmark, headline }) => `${benchmark} ${headline}`),
    ],
    [...lines].map(([line, cells]) => [...cells, ...comparisons.map((comparison) => scores(comparison, line))]),
    ['left', 'right', 'left', 'left', ...comparisons.map((): Align => 'right')],
  );
  return text.includes('*') ? `${text}\n* not comparable with the first run of that benchmark` : text;
}

function render(columns: readonly Column[], rows: readonly ComparisonRow[]): string {
  return renderTable(
    columns.map(({ title }) => title),
    rows.map((row) => columns.map(({ cell }) => cell(row))),
    columns.map(({ align }) => align),
  );
}

function stage(title: string, times: (row: ComparisonRow) => StageTimes): Column {
  return { title, align: 'right', cell: (row) => number(times(row).p50, 1) };
}

function number(value: number | null, digits: number): string {
  return value === null ? NONE : value.toFixed(digits);
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(2)}`;
}

/** The 95 % interval behind a number. */
function range(interval: Estimate | null): string {
  return interval === null ? '' : ` [${interval.low.toFixed(2)}, ${interval.high.toFixed(2)}]`;
}
