import { gigabytes } from '../../shared/byte-size.js';
import type { Align, PlainTable } from '../../terminal/table.js';
import type { RunResult } from '../runs/load-run.js';
import { scoreText } from '../statistics/digits.js';
import { precisionLabel, quantisedNote } from './quantised.js';

/** A model at an input size, with scores and speed. */
export interface AblationRow {
  model: string;
  /** Input sides of both pathways in pixels; `low` is null for a model with one pathway. */
  resolution: { high: number; low: number | null };
  visualTokens: number;
  precision: string;
  device: string;
  /** False if the checkpoint was trained at another size. */
  isTrainedSize: boolean;
  /** One run per benchmark; failed ones are absent. */
  runs: RunResult[];
  /** Null if it could not be measured. */
  speed: AblationSpeed | null;
}

/** Speed at batch size 1. */
export interface AblationSpeed {
  /** Median time of image decoding, vision and prefill. */
  timeToFirstTokenMs: number;
  /** New tokens over the time of vision and generation, as in the LLaVA-HR paper. */
  tokensPerSecond: number;
  /** Null if unknown. */
  peakMemoryBytes: number | null;
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
      cell: (row: AblationRow) => scoreCell(row, benchmark),
    })),
    { title: 'first token (ms)', align: 'right', cell: ({ speed }) => figure(speed?.timeToFirstTokenMs, 0) },
    { title: 'tokens/s', align: 'right', cell: ({ speed }) => figure(speed?.tokensPerSecond, 1) },
    { title: 'relative speed', align: 'right', cell: ({ speed }) => figure(relativeSpeed(speed, reference.speed), 2) },
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

/** Tokens per second relative to another row; null if either is unknown. */
export function relativeSpeed(speed: AblationSpeed | null, reference: AblationSpeed | null): number | null {
  return speed && reference && speed.tokensPerSecond / reference.tokensPerSecond;
}

/** Notes below the table, as sentences. */
export function ablationNotes(rows: readonly AblationRow[]): string[] {
  const quantised = quantisedNote(rows.map(({ precision }) => precision));
  return [
    ...(rows.some(({ isTrainedSize }) => !isTrainedSize) ? [OTHER_SIZE_NOTE] : []),
    ...(quantised === null ? [] : [`${quantised}.`]),
  ];
}

/** Input sides of both pathways, with * for a size other than the training size. */
export function inputSize({ resolution: { high, low }, isTrainedSize }: AblationRow): string {
  return `${high}${low === null ? '' : ` + ${low}`}${isTrainedSize ? '' : ' *'}`;
}

/** Title of a benchmark's column. */
export function scoreTitle(rows: readonly AblationRow[], benchmark: string): string {
  const { split, headline, points } = rows.flatMap(({ runs }) => runs).find(isOf(benchmark))!.metrics;
  if (headline === null) return `${benchmark} ${split} (not scored locally)`;
  return `${benchmark} ${split} ${headline} (${points.includes(headline) ? 'points' : '%'})`;
}

function scoreCell({ runs }: AblationRow, benchmark: string): string {
  const metrics = runs.find(isOf(benchmark))?.metrics;
  if (!metrics || metrics.headline === null) return NONE;
  const { text, interval } = scoreText(metrics, metrics.headline);
  return interval === null ? text : `${text} ${interval}`;
}

/** Selects runs of a benchmark. */
export function isOf(benchmark: string): (run: RunResult) => boolean {
  return ({ metrics }) => metrics.benchmark === benchmark;
}

function figure(value: number | null | undefined, digits: number): string {
  return value === null || value === undefined ? NONE : value.toFixed(digits);
}
