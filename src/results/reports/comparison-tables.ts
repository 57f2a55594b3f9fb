import { heading, noteMark } from '../../terminal/style.js';
import { type Align, printable, renderTable } from '../../terminal/table.js';
import type { StageTimes } from '../runs/latency.js';
import type { RunResult } from '../runs/load-run.js';
import { sharedSettings } from '../runs/run-names.js';
import { trainedResolution } from '../runs/run-record.js';
import { decimalsFor, halfWidthOf, intervalText, pValueText, scoreText, signedText } from '../statistics/digits.js';
import { benchmarkNotes } from './benchmark-notes.js';
import type { Comparison, ComparisonRow, PublishedReference, ScoreDifference } from './compare.js';
import { comparisonVerdicts } from './comparison-verdicts.js';
import { precisionLabel, quantisedNote } from './quantised.js';

/** A column of a table of runs: its title with the unit, and a row's entry. */
export interface Column {
  title: string;
  align: Align;
  cell(row: { run: RunResult }): string;
}

const NONE = '-';
const GIB = 2 ** 30;

/** Which model was run, and how. */
export const MODEL_COLUMNS: Column[] = [
  { title: 'model', align: 'left', cell: ({ run }) => run.record.identity.model.name },
  { title: 'size (px)', align: 'right', cell: sizeCell },
  { title: 'visual tokens', align: 'right', cell: ({ run }) => number(run.latency.visualTokensPerImage, 0) },
  { title: 'precision', align: 'left', cell: ({ run }) => precisionLabel(run.record.identity.model.precision) },
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

/** A column of the tables for a terminal, which also knows the comparison. */
interface ComparisonColumn {
  title: string;
  align: Align;
  cell(row: ComparisonRow, comparison: Comparison): string;
}

const BENCHMARK: ComparisonColumn = {
  title: 'benchmark',
  align: 'left',
  cell: (row, { benchmark, rows }) => (row === rows[0] ? benchmark : ''),
};
const MODEL: ComparisonColumn = { title: 'model', align: 'left', cell: ({ label }) => label };

const TIMES: ComparisonColumn[] = [
  BENCHMARK,
  MODEL,
  quantiles('first token', ({ run }) => run.latency.firstTokenMs),
  quantiles('image', ({ run }) => run.latency.stages.decodeImageMsPerImage),
  quantiles('vision', ({ run }) => run.latency.stages.visionMsPerImage),
  quantiles('prefill', ({ run }) => run.latency.stages.prefillMsPerQuestion),
  quantiles('token', ({ run }) => run.latency.stages.decodeMsPerToken),
];

const RATES: ComparisonColumn[] = [BENCHMARK, MODEL, ...[MODEL_COLUMNS[2]!, ...SPEED_COLUMNS.slice(4)]];

/**
 * Scores, differences, times and rates of all benchmarks as text for a terminal, each a table of its own so that it fits
 * in a hundred columns; then in words which differences are real, and the notes.
 */
export function comparisonTables(comparisons: readonly Comparison[]): string {
  const runs = comparisons.flatMap(({ rows }) => rows.map(({ run }) => run));
  const shared = sharedSettings(runs);
  const quantised = quantisedNote(runs.map(({ record }) => record.identity.model.precision));
  const sources = publishedSources(comparisons);
  const tests = comparisons.flatMap(({ rows }) => rows.flatMap(({ difference }) => difference ?? []));
  const parts = [
    `${heading('Scores')} of n questions with their 95 % intervals (bootstrap over images)${shared === '' ? '' : `; ${shared}`}`,
    render(scoreColumns(comparisons, sources), comparisons),
    ...(isMarked(comparisons) ? ['* not comparable with the baseline; the notes say why'] : []),
    ...sources.map(({ title, address }, i) => `[${i + 1}] ${title}: ${address}`),
    '',
    ...(tests.length > 0
      ? [...differenceHead(comparisons[0]!, tests), render(DIFFERENCES, withDifferences(comparisons)), '']
      : []),
    `${heading('Times')} in ms, median / 95th percentile (from 20 batches on): a batch to its first tokens (vision and`,
    'prefill); image decoding and vision per image, prefill per question, decoding per token',
    render(TIMES, comparisons),
    '',
    `${heading('Rates')}: tokens/s of vision and language model together, questions/s end to end, questions per batch`,
    render(RATES, comparisons),
    '',
    ...comparisonVerdicts(comparisons),
    ...otherBaselines(comparisons),
    ...(quantised === null ? [] : [`${noteMark('Note:')} ${quantised}`]),
    ...benchmarkNotes(comparisons).map((note) => `${noteMark('Note:')} ${printable(note)}`),
  ];
  return parts.join('\n').trimEnd();
}

function scoreColumns(comparisons: readonly Comparison[], sources: readonly Source[]): ComparisonColumn[] {
  const hasPublished = sources.length > 0;
  return [
    { title: 'benchmark', align: 'left', cell: benchmarkAndScore },
    MODEL,
    { title: 'value', align: 'right', cell: scoreCell },
    {
      title: '',
      align: 'left',
      cell: ({ run }, { metric }) => (metric !== null && scoreOf(run, metric)?.interval) || '',
    },
    { title: 'n', align: 'right', cell: ({ run }) => String(run.metrics.n) },
    ...(comparisons.some(({ rows }) => rows.some(({ run }) => run.metrics.failed > 0))
      ? [{ title: 'failed', align: 'right' as const, cell: ({ run }: ComparisonRow) => String(run.metrics.failed) }]
      : []),
    ...(hasPublished
      ? [
          {
            title: 'published',
            align: 'left' as const,
            cell: ({ published, run }: ComparisonRow, { metric }: Comparison) =>
              published ? publishedCell(published, sources, run, metric) : NONE,
          },
        ]
      : []),
  ];
}

/** The benchmark in its first row, what the score is in the second. */
function benchmarkAndScore(row: ComparisonRow, { benchmark, rows, metric, unit }: Comparison): string {
  const lines = [
    `${benchmark} ${rows[0]!.run.metrics.split}`,
    metric === null ? 'not scored here' : `${metric} (${unit === 'points' ? 'points' : '%'})`,
  ];
  if (rows.length === 1) return lines.join(', ');
  const line = lines[rows.indexOf(row)];
  return line === undefined ? '' : row === rows[0] ? line : `  ${line}`;
}

function scoreOf({ metrics }: RunResult, name: string) {
  return name in metrics.scores ? scoreText(metrics, name) : null;
}

function scoreCell(row: ComparisonRow, comparison: Comparison): string {
  const { metric } = comparison;
  const text = metric === null ? NONE : (scoreOf(row.run, metric)?.text ?? NONE);
  return `${text}${isIncomparable(row, comparison) ? '*' : ''}`;
}

/** Whether the row was asked other questions than the baseline, or in another way. */
export function isIncomparable(row: ComparisonRow, { rows }: Comparison): boolean {
  return !row.isBaseline && row.difference === null && row.score !== null && rows.length > 1;
}

function isMarked(comparisons: readonly Comparison[]): boolean {
  return comparisons.some((comparison) => comparison.rows.some((row) => isIncomparable(row, comparison)));
}

export type Source = { title: string; address: string };

/** Where the published numbers of comparisons stand, each once. */
export function publishedSources(comparisons: readonly Comparison[]): Source[] {
  const all = comparisons.flatMap(({ rows }) => rows.flatMap(({ published }) => published?.source ?? []));
  return [...new Map(all.map((source) => [source.address, source])).values()];
}

/** "67.1 [1], -0.4 here"; without a distance where the two are not comparable. */
function publishedCell(
  published: PublishedReference & { difference: number | null },
  sources: readonly Source[],
  { metrics }: RunResult,
  metric: string | null,
): string {
  const { difference } = published;
  const halfWidth = halfWidthOf(metrics.intervals[metric ?? '']);
  const distance =
    difference === null
      ? 'not comparable'
      : `here ${signedText(difference, Math.min(1, halfWidth === null ? 1 : decimalsFor(halfWidth)))}`;
  return `${publishedText(published, sources)}, ${distance}`;
}

/** "67.1 [1]": the score with the place of its source among all. */
export function publishedText({ score, source }: PublishedReference, sources: readonly Source[]): string {
  return `${score} [${sources.findIndex(({ address }) => address === source.address) + 1}]`;
}

const DIFFERENCES: ComparisonColumn[] = [
  BENCHMARK,
  MODEL,
  {
    title: 'difference',
    align: 'right',
    cell: ({ difference }) => (difference ? differenceText(difference).text : NONE),
  },
  { title: '', align: 'left', cell: ({ difference }) => (difference && differenceText(difference).interval) || '' },
  { title: 'p', align: 'right', cell: ({ difference }) => pValueText(difference?.pValue ?? null) },
  { title: 'p\u00a0(Holm)', align: 'right', cell: ({ difference }) => pValueText(difference?.adjustedPValue ?? null) },
  { title: 'it\u00a0:\u00a0base', align: 'right', cell: ({ difference }) => discordant(difference) },
  { title: 'McNemar', align: 'right', cell: ({ difference }) => pValueText(difference?.mcnemar?.pValue ?? null) },
];

/** A difference with the digits that its interval supports; without one, one decimal. */
export function differenceText({ points, interval }: ScoreDifference): { text: string; interval: string | null } {
  const halfWidth = halfWidthOf(interval);
  const decimals = halfWidth === null ? 1 : decimalsFor(halfWidth);
  return { text: signedText(points, decimals), interval: interval ? intervalText(interval, decimals) : null };
}

function discordant(difference: ScoreDifference | null): string {
  const mcnemar = difference?.mcnemar;
  return mcnemar ? `${mcnemar.onlyThis} : ${mcnemar.onlyBaseline}` : NONE;
}

function differenceHead({ rows }: Comparison, tests: readonly ScoreDifference[]): string[] {
  const baseline = rows.find(({ isBaseline }) => isBaseline)?.label ?? 'the baseline';
  const { length } = tests.filter(({ pValue }) => pValue !== null);
  return [
    `${heading('Differences')} to ${printable(baseline)}`,
    '95 % intervals and p-values of the paired bootstrap over images',
    ...(length > 1 ? [`p (Holm) holds for all ${length} differences together`] : []),
    ...(tests.some(({ mcnemar }) => mcnemar)
      ? ['McNemar, mid-p: questions that only it : only the baseline gets right, as if none shared an image']
      : []),
  ];
}

/** Benchmarks that the baseline's model was not run on: there differences are to another one. */
function otherBaselines(comparisons: readonly Comparison[]): string[] {
  const baselineOf = ({ rows }: Comparison) => rows.find(({ isBaseline }) => isBaseline)?.label;
  const usual = baselineOf(comparisons[0]!);
  return comparisons.flatMap((comparison) => {
    const own = baselineOf(comparison);
    const isOther = own !== undefined && own !== usual;
    return isOther ? [`${noteMark('Note:')} ${printable(`${comparison.benchmark}: differences are to ${own}.`)}`] : [];
  });
}

/** The comparisons in which there is a difference, with the rows that have one. */
function withDifferences(comparisons: readonly Comparison[]): Comparison[] {
  return comparisons
    .map((comparison) => ({ ...comparison, rows: comparison.rows.filter(({ difference }) => difference) }))
    .filter(({ rows }) => rows.length > 0);
}

function render(columns: readonly ComparisonColumn[], comparisons: readonly Comparison[]): string {
  return renderTable(
    columns.map(({ title }) => title),
    comparisons.flatMap((comparison) => comparison.rows.map((row) => columns.map(({ cell }) => cell(row, comparison)))),
    columns.map(({ align }) => align),
    { keys: columns.indexOf(MODEL) + 1 },
  );
}

/** The input size, with the one the checkpoint was trained at where that is another. */
function sizeCell({ run }: { run: RunResult }): string {
  const { resolution } = run.record.identity.model;
  const trained = trainedResolution(run.record);
  return trained === null || trained === resolution ? String(resolution) : `${resolution} (trained: ${trained})`;
}

function stage(title: string, times: (row: { run: RunResult }) => StageTimes): Column {
  return { title, align: 'right', cell: (row) => number(times(row).p50, 1) };
}

function quantiles(title: string, times: (row: ComparisonRow) => StageTimes): ComparisonColumn {
  return {
    title,
    align: 'right',
    cell: (row) => {
      const { p50, p95 } = times(row);
      return [p50, p95].flatMap((time) => (time === null ? [] : [threeDigits(time)])).join(' / ') || NONE;
    },
  };
}

/** Times vary by more than a percent from run to run. */
function threeDigits(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function number(value: number | null, digits: number): string {
  return value === null ? NONE : value.toFixed(digits);
}
