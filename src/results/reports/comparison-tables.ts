import { max } from 'simple-statistics';
import { gigabytes } from '../../shared/byte-size.js';
import { visibleLine } from '../../shared/visible-text.js';
import { wrapText } from '../../shared/wrap-text.js';
import { heading, noteMark, terminalWidth } from '../../terminal/style.js';
import { type Align, renderTable } from '../../terminal/table.js';
import type { StageTimes } from '../runs/latency.js';
import type { RunResult } from '../runs/load-run.js';
import { questionsOf } from '../runs/metrics.js';
import { convModeOf, sharedSettings } from '../runs/run-names.js';
import { trainedResolution } from '../runs/run-record.js';
import {
  columnDecimals,
  columnFormat,
  decimalsFor,
  halfWidthOf,
  intervalText,
  pValueText,
  scoreText,
  signedText,
} from '../statistics/digits.js';
import { INTERVAL_METHODS } from '../statistics/score-interval.js';
import { benchmarkNotes } from './benchmark-notes.js';
import type { Comparison, ComparisonRow, PublishedReference, ScoreDifference } from './compare.js';
import { comparisonVerdicts } from './comparison-verdicts.js';
import { precisionLabel, quantisedNote } from './quantised.js';

/** A column of a table of runs: its title with the unit, and the cell of a row. */
export interface Column {
  title: string;
  align: Align;
  cell(row: { run: RunResult }): string;
}

const NONE = '-';

/** The model and its settings. */
export const MODEL_COLUMNS: Column[] = [
  { title: 'model', align: 'left', cell: modelCell },
  { title: 'size (px)', align: 'right', cell: sizeCell },
  { title: 'visual tokens', align: 'right', cell: ({ run }) => number(run.latency.visualTokensPerImage, 0) },
  { title: 'precision', align: 'left', cell: ({ run }) => precisionLabel(run.record.identity.model.precision) },
  { title: 'device', align: 'left', cell: ({ run }) => run.record.identity.device },
];

/** Speed and memory. */
export const SPEED_COLUMNS: Column[] = [
  stage('image (ms)', ({ run }) => run.latency.stages.decodeImageMsPerImage),
  stage('vision (ms)', ({ run }) => run.latency.stages.visionMsPerImage),
  stage('prefill (ms)', ({ run }) => run.latency.stages.prefillMsPerQuestion),
  stage('token (ms)', ({ run }) => run.latency.stages.decodeMsPerToken),
  { title: 'tokens/s', align: 'right', cell: ({ run }) => number(run.latency.tokensPerSecond.model, 1) },
  { title: 'questions/s', align: 'right', cell: ({ run }) => number(run.latency.questionsPerSecond, 2) },
  { title: 'batch', align: 'right', cell: ({ run }) => number(run.latency.questionsPerBatch, 1) },
  { title: 'memory (GB)', align: 'right', cell: ({ run }) => memoryCell(run.latency.peakMemoryBytes) },
];

/** A column of the tables for a terminal, whose cells also depend on the comparison and on the rows of all of them. */
interface ComparisonColumn {
  title: string;
  align: Align;
  cell(row: ComparisonRow, comparison: Comparison, all: readonly ComparisonRow[]): string;
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

const ENERGY: ComparisonColumn = {
  title: 'J/question, GPU + CPU',
  align: 'right',
  cell({ run: { latency } }) {
    const parts = [latency.energy?.gpu, latency.energy?.cpu];
    return parts.flatMap((use) => (use ? [use.joulesPerQuestion.toFixed(1)] : [])).join(' + ') || NONE;
  },
};

/**
 * Scores, differences, times and rates of all benchmarks as text for a terminal, in separate tables that fit into a hundred
 * columns, followed by verdicts in words and notes.
 */
export function comparisonTables(comparisons: readonly Comparison[]): string {
  const runs = comparisons.flatMap(({ rows }) => rows.map(({ run }) => run));
  const shared = sharedSettings(runs);
  const quantised = quantisedNote(runs.map(({ record }) => record.identity.model.precision));
  const sources = publishedSources(comparisons);
  const tests = comparisons.flatMap(({ rows }) => rows.flatMap(({ difference }) => difference ?? []));
  const parts = [
    caption(
      `${heading('Scores')} over n questions with 95 % intervals (${INTERVAL_METHODS})${shared === '' ? '' : `; ${shared}`}`,
    ),
    render(scoreColumns(comparisons, sources), comparisons),
    ...(isMarked(comparisons) ? ['* not comparable with the baseline, see the notes'] : []),
    ...sources.map(({ title, address }, i) => note(`[${i + 1}] ${title}: ${address}`)),
    '',
    ...(tests.length > 0
      ? [
          ...differenceHead(comparisons[0]!, tests),
          render(
            DIFFERENCES,
            withRows(comparisons, ({ difference }) => difference !== null),
          ),
          '',
        ]
      : []),
    ...speedTables(comparisons),
    ...comparisonVerdicts(comparisons).map(note),
    ...otherBaselines(comparisons).map(note),
    ...(quantised === null ? [] : [note(`${noteMark('Note:')} ${quantised}`)]),
    ...benchmarkNotes(comparisons).map((text) => note(`${noteMark('Note:')} ${visibleLine(text)}`)),
  ];
  return parts.join('\n').trimEnd();
}

/** Times and rates of the runs that were long enough to be timed, and which were not. */
function speedTables(comparisons: readonly Comparison[]): string[] {
  const isTimed = ({ run }: ComparisonRow): boolean => run.latency.batches > 0;
  const timed = withRows(comparisons, isTimed);
  const untimed = comparisons.flatMap(({ benchmark, rows }) =>
    rows.filter((row) => !isTimed(row)).map(({ label }) => `${label} on ${benchmark}`),
  );
  if (timed.length === 0) return ['All runs were too short to time.', ''];
  const hasEnergy = timed.some(({ rows }) => rows.some(({ run }) => run.latency.energy));
  const short = untimed.length === 0 ? [] : [caption(visibleLine(`Too short to time: ${untimed.join(', ')}`)), ''];
  return [
    caption(
      `${heading('Times')} in ms, median / 95th percentile (with at least 20 batches). First token: vision and prefill of a ` +
        'batch; image decoding and vision per image; prefill per question; decode per token',
    ),
    render(TIMES, timed),
    '',
    caption(
      `${heading('Rates')}: tokens/s of vision and language model together, questions/s end to end, questions per batch` +
        `${hasEnergy ? '; energy of the whole GPU and CPU, as far as it was measured' : ''}`,
    ),
    render(hasEnergy ? [...RATES, ENERGY] : RATES, timed),
    '',
    ...short,
  ];
}

const CAPTION_WIDTH = 100;

/** Wraps a table's caption, in files and pipes too. */
function caption(text: string): string {
  return wrapText(text, Math.min(terminalWidth, CAPTION_WIDTH));
}

/** Wraps a note to the terminal. */
function note(text: string): string {
  return wrapText(text, terminalWidth);
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
      cell: (row, comparison) => scoreOf(row, comparison)?.interval ?? '',
    },
    { title: 'n', align: 'right', cell: ({ run }, { metric }) => String(questionsOf(run.metrics, metric)) },
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

/** The benchmark in its first row, the name of the score in the second. */
function benchmarkAndScore(row: ComparisonRow, { benchmark, rows, metric, unit }: Comparison): string {
  const lines = [
    `${benchmark} ${rows[0]!.run.metrics.split}`,
    metric === null ? 'not scored locally' : `${metric} (${unit === 'points' ? 'points' : '%'})`,
  ];
  if (rows.length === 1) return lines.join(', ');
  const line = lines[rows.indexOf(row)];
  return line === undefined ? '' : row === rows[0] ? line : `  ${line}`;
}

/** Score and interval as printed; null for a run without this score. */
export function scoreOf({ run, score }: ComparisonRow, { metric, rows }: Comparison) {
  if (metric === null || score === null) return null;
  const column = rows.map((row) => row.run.metrics);
  return scoreText(run.metrics, metric, columnDecimals(column, metric));
}

function scoreCell(row: ComparisonRow, comparison: Comparison): string {
  const score = scoreOf(row, comparison);
  return score ? `${score.text}${row.mark}${isIncomparable(row, comparison) ? '*' : ''}` : NONE;
}

/** Whether the row's questions or protocol differ from the baseline's. */
export function isIncomparable(row: ComparisonRow, { rows }: Comparison): boolean {
  return !row.isBaseline && row.difference === null && row.score !== null && rows.length > 1;
}

function isMarked(comparisons: readonly Comparison[]): boolean {
  return comparisons.some((comparison) => comparison.rows.some((row) => isIncomparable(row, comparison)));
}

export type Source = { title: string; address: string };

/** Distinct sources of the published numbers. */
export function publishedSources(comparisons: readonly Comparison[]): Source[] {
  const all = comparisons.flatMap(({ rows }) => rows.flatMap(({ published }) => published?.source ?? []));
  return [...new Map(all.map((source) => [source.address, source])).values()];
}

/** "67.1 [1], here -0.4"; "not comparable" in place of the difference if settings differ. */
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

/** "67.1 [1]": the score with the number of its source. */
export function publishedText({ score, source }: PublishedReference, sources: readonly Source[]): string {
  return `${score} [${sources.findIndex(({ address }) => address === source.address) + 1}]`;
}

const DIFFERENCES: ComparisonColumn[] = [
  BENCHMARK,
  { ...MODEL, cell: ({ label, mark }) => label + mark },
  {
    title: 'difference',
    align: 'right',
    cell: (row, comparison) => differenceText(row, comparison)?.text ?? NONE,
  },
  { title: '', align: 'left', cell: (row, comparison) => differenceText(row, comparison)?.interval ?? '' },
  { title: 'p', align: 'right', cell: ({ difference }) => pValueText(difference?.pValue ?? null) },
  { title: 'p\u00a0(Holm)', align: 'right', cell: ({ difference }) => pValueText(difference?.adjustedPValue ?? null) },
  { title: 'it\u00a0:\u00a0base', align: 'right', cell: ({ difference }) => discordant(difference) },
  { title: 'McNemar', align: 'right', cell: ({ difference }) => pValueText(difference?.mcnemar?.pValue ?? null) },
];

/**
 * A difference with the digits that the intervals of the comparison support; one decimal without an interval. null for a
 * run without a difference.
 */
export function differenceText(
  { difference }: ComparisonRow,
  { rows }: Comparison,
): { text: string; interval: string | null } | null {
  if (difference === null) return null;
  const { points, interval } = difference;
  const halfWidths = rows.flatMap((row) => halfWidthOf(row.difference?.interval) ?? []);
  const decimals = halfWidths.length === 0 ? 1 : max(halfWidths.map(decimalsFor));
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
    `${heading('Differences')} from ${visibleLine(baseline)}`,
    '95 % intervals and p-values from a paired bootstrap over images',
    ...(length > 1 ? [`p (Holm) is corrected for all ${length} differences`] : []),
    ...(tests.some(({ mcnemar }) => mcnemar)
      ? ['it : base counts questions that only this model : only the baseline answers correctly; McNemar mid-p']
      : []),
  ];
}

/** Notes for benchmarks without a run of the baseline's model, where another model is the baseline. */
function otherBaselines(comparisons: readonly Comparison[]): string[] {
  const baselineOf = ({ rows }: Comparison) => rows.find(({ isBaseline }) => isBaseline)?.label;
  const usual = baselineOf(comparisons[0]!);
  return comparisons.flatMap((comparison) => {
    const own = baselineOf(comparison);
    const isOther = own !== undefined && own !== usual;
    return isOther
      ? [`${noteMark('Note:')} ${visibleLine(`${comparison.benchmark}: differences are from ${own}.`)}`]
      : [];
  });
}

/** The rows that satisfy a condition, without comparisons that have none. */
function withRows(comparisons: readonly Comparison[], isIn: (row: ComparisonRow) => boolean): Comparison[] {
  return comparisons
    .map((comparison) => ({ ...comparison, rows: comparison.rows.filter(isIn) }))
    .filter(({ rows }) => rows.length > 0);
}

function render(columns: readonly ComparisonColumn[], comparisons: readonly Comparison[]): string {
  const all = comparisons.flatMap(({ rows }) => rows);
  return renderTable(
    columns.map(({ title }) => title),
    comparisons.flatMap((comparison) =>
      comparison.rows.map((row) => columns.map(({ cell }) => cell(row, comparison, all))),
    ),
    columns.map(({ align }) => align),
    { keys: columns.indexOf(MODEL) + 1 },
  );
}

function modelCell({ run }: { run: RunResult }): string {
  const { model, generation } = run.record.identity;
  return [model.name, ...convModeOf(generation)].join(', ');
}

/** The input size, with the training size if that differs. */
function sizeCell({ run }: { run: RunResult }): string {
  const { resolution } = run.record.identity.model;
  if (resolution === null) return NONE;
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
    cell: (row, _comparison, all) => {
      const format = columnFormat(all.map((each) => times(each).p50));
      const { p50, p95 } = times(row);
      return [p50, p95].flatMap((time) => (time === null ? [] : [format(time)])).join(' / ') || NONE;
    },
  };
}

function memoryCell(bytes: number | null): string {
  return bytes === null ? NONE : gigabytes(bytes);
}

function number(value: number | null, digits: number): string {
  return value === null ? NONE : value.toFixed(digits);
}
