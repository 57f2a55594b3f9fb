import { gigabytes } from '../../shared/byte-size.js';
import type { Align, PlainTable } from '../../terminal/table.js';
import { askedQuestions } from '../runs/asked-questions.js';
import type { RunResult } from '../runs/load-run.js';
import type { Interval } from '../statistics/bootstrap.js';
import { columnDecimals, columnFormat, intervalText, scoreText } from '../statistics/digits.js';
import { benchmarkNotes } from './benchmark-notes.js';
import { precisionLabel, quantisedNote } from './quantised.js';
import { speedRatio } from './timed-runs.js';

/** A model at an input size, with scores and speed. */
export interface AblationRow {
  model: string;
  /** Input sides of both pathways in pixels; `low` is null for a model with one pathway. */
  resolution: { high: number; low: number | null };
  visualTokens: number;
  precision: string;
  device: string;
  /** Size that the checkpoint was trained at. */
  trainedResolution: number;
  /** False if the checkpoint was trained at another size. */
  isTrainedSize: boolean;
  /** One run per benchmark; failed ones are absent. */
  runs: RunResult[];
  /** Null if it could not be measured. */
  speed: AblationSpeed | null;
}

/** Speed at batch size 1, with 95 % intervals over the repetitions; null with too few. */
export interface AblationSpeed {
  /** Median time of image decoding, vision and prefill. */
  timeToFirstTokenMs: number;
  timeToFirstTokenInterval: Interval | null;
  /** New tokens over the time of vision and generation, as in the LLaVA-HR paper. */
  tokensPerSecond: number;
  tokensPerSecondInterval: Interval | null;
  /** Null if unknown. */
  peakMemoryBytes: number | null;
  /** Time of vision and generation in each repetition. */
  modelMs: number[];
}

interface Column {
  title: string;
  align: Align;
  cell(row: AblationRow): string;
}

/** Shown only if a row is quantised. */
const PRECISION: Column = { title: 'precision', align: 'left', cell: ({ precision }) => precisionLabel(precision) };

const NONE = '-';

const OTHER_SIZE_NOTE =
  '* The checkpoint was not trained at this size, unlike in the ablation of the LLaVA-HR paper, which trained one ' +
  'checkpoint per size.';

/**
 * The resolution table, laid out as in the LLaVA-HR paper (table 1): sizes, visual tokens, a score per benchmark, speed.
 * @param reference the row whose speed is 1
 */
export function ablationTable(rows: readonly AblationRow[], reference: AblationRow): PlainTable {
  const benchmarks = [...new Set(rows.flatMap(({ runs }) => runs.map(({ metrics }) => metrics.benchmark)))];
  const isQuantised = quantisedNote(rows.map(({ precision }) => precision)) !== null;
  const columns: Column[] = [
    { title: 'model', align: 'left', cell: ({ model }) => model },
    { title: 'input (px)', align: 'left', cell: inputSize },
    ...(isQuantised ? [PRECISION] : []),
    { title: 'visual tokens', align: 'right', cell: ({ visualTokens }) => String(visualTokens) },
    ...benchmarks.map((benchmark) => ({
      title: scoreTitle(rows, benchmark),
      align: 'right' as const,
      cell: (row: AblationRow) => scoreCell(row, benchmark, rows),
    })),
    speedColumn('first token (ms)', rows, ({ speed }) => [speed?.timeToFirstTokenMs, speed?.timeToFirstTokenInterval]),
    speedColumn('tokens/s', rows, ({ speed }) => [speed?.tokensPerSecond, speed?.tokensPerSecondInterval]),
    {
      title: 'relative speed',
      align: 'right',
      cell(row) {
        const relative = relativeSpeed(row, reference);
        return withInterval(relative?.ratio, relative?.interval, (ratio) => ratio.toFixed(2));
      },
    },
    { title: 'memory (GB)', align: 'right', cell: ({ speed }) => memoryCell(speed) },
  ];
  return {
    titles: columns.map(({ title }) => title),
    align: columns.map(({ align }) => align),
    lines: rows.map((row) => columns.map(({ cell }) => cell(row))),
  };
}

function memoryCell(speed: AblationSpeed | null): string {
  return speed?.peakMemoryBytes == null ? NONE : gigabytes(speed.peakMemoryBytes);
}

/** Figures with their intervals. */
function speedColumn(
  title: string,
  rows: readonly AblationRow[],
  of: (row: AblationRow) => [value?: number | null, interval?: Interval | null],
): Column {
  const format = columnFormat(rows.map((row) => of(row)[0] ?? null));
  return {
    title,
    align: 'right',
    cell(row) {
      const [value, interval] = of(row);
      return withInterval(value, interval, format);
    },
  };
}

/** "542 [530, 551]" */
function withInterval(
  value: number | null | undefined,
  interval: Interval | null | undefined,
  format: (value: number) => string,
): string {
  if (value === null || value === undefined) return NONE;
  return `${format(value)}${interval ? ` [${format(interval.low)}, ${format(interval.high)}]` : ''}`;
}

/**
 * Tokens per second relative to another row, with the interval of the ratio; none for a row relative to itself. null if
 * either is unknown.
 */
export function relativeSpeed(
  row: AblationRow,
  reference: AblationRow,
): { ratio: number; interval: Interval | null } | null {
  if (!row.speed || !reference.speed) return null;
  if (row === reference) return { ratio: 1, interval: null };
  return speedRatio(row.speed.modelMs, reference.speed.modelMs);
}

/** Sentences about neighbouring sizes of a model whose speeds these repetitions cannot tell apart. */
function equalSpeeds(rows: readonly AblationRow[]): string[] {
  const models = [...new Set(rows.map(({ model }) => model))];
  return models.flatMap((model) => {
    const own = rows.filter((row) => row.model === model).sort((a, b) => a.resolution.high - b.resolution.high);
    return own.slice(1).flatMap((row, i) => {
      const interval = relativeSpeed(row, own[i]!)?.interval;
      if (!interval || interval.low > 1 || interval.high < 1) return [];
      return [
        `${model} at ${own[i]!.resolution.high} and ${row.resolution.high} px: no difference in speed beyond the noise ` +
          `(ratio ${intervalText(interval, 2)}).`,
      ];
    });
  });
}

/** What part of its benchmark each score is over. All rows ask the same questions. */
function parts(rows: readonly AblationRow[]): string[] {
  const notes = rows.flatMap(({ runs }) =>
    runs.map(({ metrics, record }) => {
      const part = askedQuestions(record.identity.protocol);
      return { benchmark: metrics.benchmark, notes: part === null ? [] : [`only ${part.text}.`] };
    }),
  );
  return benchmarkNotes(notes);
}

function failures(rows: readonly AblationRow[]): string[] {
  return rows.flatMap(({ model, resolution, runs }) =>
    runs.flatMap(({ metrics: { benchmark, n, failed } }) =>
      failed === 0
        ? []
        : [`${model} at ${resolution.high} px: ${failed} of ${n} questions of ${benchmark} failed and count as wrong.`],
    ),
  );
}

/** Notes below the table, as sentences. */
export function ablationNotes(rows: readonly AblationRow[]): string[] {
  const quantised = quantisedNote(rows.map(({ precision }) => precision));
  return [
    ...(rows.some(isScoredAtOtherSize) ? [OTHER_SIZE_NOTE] : []),
    ...(quantised === null ? [] : [`${quantised}.`]),
    ...parts(rows),
    ...failures(rows),
    ...equalSpeeds(rows),
  ];
}

/** Input sides of both pathways, with * for scores at a size other than the training size. */
export function inputSize(row: AblationRow): string {
  const { high, low } = row.resolution;
  return `${high}${low === null ? '' : ` + ${low}`}${isScoredAtOtherSize(row) ? ' *' : ''}`;
}

function isScoredAtOtherSize({ isTrainedSize, runs }: AblationRow): boolean {
  return !isTrainedSize && runs.length > 0;
}

/** Title of a benchmark's column. */
export function scoreTitle(rows: readonly AblationRow[], benchmark: string): string {
  const { split, headline, points } = rows.flatMap(({ runs }) => runs).find(isOf(benchmark))!.metrics;
  if (headline === null) return `${benchmark} ${split} (not scored locally)`;
  return `${benchmark} ${split} ${headline} (${points.includes(headline) ? 'points' : '%'})`;
}

function scoreCell({ runs }: AblationRow, benchmark: string, rows: readonly AblationRow[]): string {
  const metrics = runs.find(isOf(benchmark))?.metrics;
  if (!metrics || metrics.headline === null) return NONE;
  const column = rows.flatMap((row) => row.runs.filter(isOf(benchmark)).map((run) => run.metrics));
  const { text, interval } = scoreText(metrics, metrics.headline, columnDecimals(column, metrics.headline));
  return interval === null ? text : `${text} ${interval}`;
}

/** Selects runs of a benchmark. */
export function isOf(benchmark: string): (run: RunResult) => boolean {
  return ({ metrics }) => metrics.benchmark === benchmark;
}
