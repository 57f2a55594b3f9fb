import { type DifferenceDot, plotCategoryDifferences } from '../plots/category-differences.js';
import { plotLatencyStages, type StageBar } from '../plots/latency-stages.js';
import { plotOverResolution, type ResolutionPoint } from '../plots/over-resolution.js';
import { commonLegend, type LegendEntry, type SvgPlot } from '../plots/svg-plot.js';
import { categoryDifferences } from '../reports/category-differences.js';
import type { RunGroup } from '../reports/comparable-groups.js';
import type { RunResult } from '../runs/load-run.js';
import { scoreText } from '../statistics/digits.js';
import { INTERVAL_METHODS } from '../statistics/score-interval.js';
import type { RunNames } from './run-names.js';
import type { RunSamples } from './sample-sets.js';

/** A row of related plots, as SVG elements. */
export interface FigureRow {
  title: string;
  /** Explains how to read the plots. */
  caption: string;
  /** Of all of the plots. */
  legend: readonly LegendEntry[];
  figures: string[];
}

/** All plots that have data. */
export function figureRows(
  groups: readonly RunGroup[],
  samplesOf: ReadonlyMap<RunResult, RunSamples>,
  names: RunNames,
): FigureRow[] {
  const differences = groups.flatMap((group) => differenceFigure(group, samplesOf, names));
  const baselines = [...new Set(differences.map(({ baseline }) => baseline))].join(', ');
  const rows = [
    {
      title: 'Score over input size',
      caption: `Error bars are 95 % intervals (${INTERVAL_METHODS}).`,
      plots: groups.flatMap((group) => scoreFigure(group, names)),
    },
    {
      title: 'Differences by category',
      caption: `Difference in mean score per question from ${baselines}, with 95 % intervals (paired bootstrap over images). Numbers in parentheses count questions.`,
      plots: differences.map(({ plot }) => plot),
    },
    {
      title: 'Where the time goes',
      caption:
        'Medians per image and question over the batches of the run, for an answer of the run’s mean length. Image decoding overlaps with the previous batch.',
      plots: groups.flatMap((group) => latencyFigure(group, names)),
    },
  ];
  return rows
    .filter(({ plots }) => plots.length > 0)
    .map(({ title, caption, plots }) => ({
      title,
      caption,
      legend: commonLegend(plots),
      figures: plots.map(({ svg }) => svg),
    }));
}

/** Empty if all runs have the same input size: the table is enough. */
function scoreFigure({ title, runs }: RunGroup, names: RunNames): SvgPlot[] {
  const { headline, points } = runs[0]!.metrics;
  if (headline === null) return [];
  const dots = runs.flatMap((run): ResolutionPoint[] => {
    const value = run.metrics.scores[headline];
    if (value === undefined) return [];
    const interval = run.metrics.intervals[headline] ?? null;
    const { resolution } = run.record.identity.model;
    if (resolution === null) return [];
    const texts = scoreText(run.metrics, headline);
    const text = [texts.text, texts.interval ?? ''].join(' ').trimEnd();
    return [{ series: names.series(run), resolution, value, interval, text }];
  });
  if (new Set(dots.map(({ resolution }) => resolution)).size < 2) return [];
  const quantity = `${headline} (${points.includes(headline) ? 'points' : '%'})`;
  return [plotOverResolution(dots, { title, series: names.allSeries, quantity, fromZero: false })];
}

function differenceFigure(
  { title, runs }: RunGroup,
  samplesOf: ReadonlyMap<RunResult, RunSamples>,
  names: RunNames,
): { baseline: string; plot: SvgPlot }[] {
  const [first, ...others] = runs.filter((run) => samplesOf.get(run)!.scores !== null);
  const categories = runs.map((run) => samplesOf.get(run)!.references?.categories).find((list) => list !== undefined);
  if (first === undefined || others.length === 0 || categories === undefined) return [];
  const base = samplesOf.get(first)!.scores!;
  const dots = others.flatMap((run) =>
    categoryDifferences(base, samplesOf.get(run)!.scores!, categories).flatMap(
      ({ category, questions, difference }): DifferenceDot[] =>
        difference === null ? [] : [{ series: names.label(run), category, questions, ...difference }],
    ),
  );
  if (new Set(dots.map(({ category }) => category)).size < 2) return [];
  const baseline = { key: names.systems[names.systemOf(first)]!.key, label: names.label(first) };
  return [{ baseline: baseline.label, plot: plotCategoryDifferences(dots, title, baseline, names.labels) }];
}

function latencyFigure({ title, runs }: RunGroup, names: RunNames): SvgPlot[] {
  const bars = runs.flatMap((run): StageBar[] => {
    const { stages, newTokens, questions } = run.latency;
    const token = stages.decodeMsPerToken.p50;
    const furtherTokens = questions > 0 ? newTokens / questions - 1 : 0; // the first one comes from the prefill
    const bar = {
      image: stages.decodeImageMsPerImage.p50,
      vision: stages.visionMsPerImage.p50,
      prefill: stages.prefillMsPerQuestion.p50,
      decode: furtherTokens === 0 ? 0 : token && token * furtherTokens,
    };
    return bar.vision === null ? [] : [{ label: names.label(run), stages: bar }];
  });
  return bars.length === 0 ? [] : [plotLatencyStages(bars, title)];
}
