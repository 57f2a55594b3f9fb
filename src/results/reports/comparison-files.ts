import type { Align, PlainTable } from '../../terminal/table.js';
import { questionsOf } from '../runs/metrics.js';
import { pValueText } from '../statistics/digits.js';
import { benchmarkNotes } from './benchmark-notes.js';
import type { Comparison, ComparisonRow } from './compare.js';
import {
  differenceText,
  isIncomparable,
  publishedSources,
  publishedText,
  type Source,
  scoreOf,
} from './comparison-tables.js';
import { describeRun } from './report-csv.js';
import { latexFile } from './report-latex.js';
import { escapeMarkdown, plainMarkdown } from './report-markdown.js';
import { type TidyRow, tidyCsv } from './tidy-csv.js';

/** The comparison as JSON. Ends with a newline. */
export function comparisonJson(comparisons: readonly Comparison[]): string {
  return `${JSON.stringify({ schemaVersion: 1, comparisons }, null, 2)}\n`;
}

/** One row per run: its score, and its difference to the baseline with interval and p-values. */
export function comparisonCsv(comparisons: readonly Comparison[]): string {
  return tidyCsv(comparisons.flatMap((comparison) => comparison.rows.map((row) => csvRow(row, comparison))));
}

function csvRow({ run, score, interval, difference, published }: ComparisonRow, comparison: Comparison): TidyRow {
  const { metric, unit, rows } = comparison;
  const baseline = rows.find(({ isBaseline }) => isBaseline);
  return {
    ...describeRun(run),
    metric,
    unit,
    value: score,
    low: interval?.low,
    high: interval?.high,
    n: questionsOf(run.metrics, metric),
    published: published?.score,
    published_source: published?.source.address,
    baseline: difference ? baseline?.label : undefined,
    difference: difference?.points,
    difference_low: difference?.interval?.low,
    difference_high: difference?.interval?.high,
    p: difference?.pValue,
    p_holm: difference?.adjustedPValue,
    only_baseline: difference?.mcnemar?.onlyBaseline,
    only_this: difference?.mcnemar?.onlyThis,
    p_mcnemar: difference?.mcnemar?.pValue,
  };
}

/** A table in GitHub's Markdown, and the notes as a list. Ends with a newline. */
export function comparisonMarkdown(comparisons: readonly Comparison[]): string {
  const { table, caption, notes } = layout(comparisons);
  const parts = [plainMarkdown(table), ...caption.map(escapeMarkdown)];
  if (notes.length > 0) parts.push(notes.map((note) => `- ${escapeMarkdown(note)}`).join('\n'));
  return `${parts.join('\n\n')}\n`;
}

/** A table for booktabs; what its marks mean is in the caption, notes are comments. Ends with a newline. */
export function comparisonLatex(comparisons: readonly Comparison[]): string {
  const { table, caption, notes } = layout(comparisons);
  return latexFile(table, caption.join(' '), notes);
}

const NONE = '-';
const TITLES = [
  'benchmark',
  'score',
  'model',
  'value',
  '95 % interval',
  'n',
  'difference',
  '95 % interval',
  'p',
  'p (Holm)',
];
const ALIGN: Align[] = ['left', 'left', 'left', 'right', 'left', 'right', 'right', 'left', 'right', 'right'];

function layout(comparisons: readonly Comparison[]): { table: PlainTable; caption: string[]; notes: string[] } {
  const sources = publishedSources(comparisons);
  const rows = comparisons.flatMap((comparison) => comparison.rows.map((row) => ({ row, comparison })));
  const baselines = [...new Set(rows.filter(({ row }) => row.isBaseline).map(({ row }) => row.label))];
  return {
    table: {
      titles: [...TITLES, ...(sources.length > 0 ? ['published'] : [])],
      align: [...ALIGN, ...(sources.length > 0 ? (['left'] as const) : [])],
      lines: rows.map(({ row, comparison }) => cells(row, comparison, sources)),
    },
    caption: [
      `Scores with 95 % intervals, and differences to ${baselines.join(', ') || 'the baseline'} with intervals and p-values of ` +
        'the paired bootstrap over images.',
      ...(rows.some(({ row, comparison }) => isIncomparable(row, comparison))
        ? ['* not comparable with the baseline.']
        : []),
      ...sources.map(({ title, address }, i) => `[${i + 1}] ${title}: ${address}.`),
    ],
    notes: benchmarkNotes(comparisons),
  };
}

function cells(row: ComparisonRow, comparison: Comparison, sources: readonly Source[]): string[] {
  const { run, label, difference, published } = row;
  const { benchmark, metric, unit } = comparison;
  const score = scoreOf(row, comparison);
  const texts = differenceText(row, comparison);
  return [
    `${benchmark} ${run.metrics.split}`,
    metric === null ? NONE : `${metric} (${unit === 'points' ? 'points' : '%'})`,
    label,
    score ? `${score.text}${row.mark}${isIncomparable(row, comparison) ? '*' : ''}` : NONE,
    score?.interval ?? NONE,
    String(questionsOf(run.metrics, metric)),
    texts?.text ?? NONE,
    texts?.interval ?? NONE,
    difference ? pValueText(difference.pValue) : NONE,
    difference ? pValueText(difference.adjustedPValue) : NONE,
    ...(sources.length > 0 ? [published ? publishedText(published, sources) : NONE] : []),
  ];
}
