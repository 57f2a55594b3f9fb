import * as Plot from '@observablehq/plot';
import { max, min } from 'simple-statistics';
import { type PlotText, type SvgPlot, seriesColor, svgPlot } from './svg-plot.js';
import { valueDomain } from './value-domain.js';

/** A measured value of a model at an input size. */
export interface ResolutionPoint {
  /** Points of a series are connected by a line. */
  series: string;
  /** Side of the square input in pixels. */
  resolution: number;
  value: number;
  /** 95 % interval; null if unknown. */
  interval: { low: number; high: number } | null;
  /** The value as printed in tables. */
  text: string;
}

export interface ResolutionAxis {
  title: string;
  /** All series of the page, including those without a point here, so that colours and symbols agree between plots. */
  series: readonly string[];
  /** Quantity with its unit: "accuracy (%)". */
  quantity: string;
  /** Whether the axis starts at zero: for times and rates, not for scores. */
  fromZero: boolean;
}

const SYMBOLS = ['circle', 'triangle', 'square', 'diamond', 'triangle2', 'times', 'plus', 'wye'] as const;
const CLOSEST_TICKS = 1.07; // smallest ratio of two sizes whose labels do not overlap
const SIDESTEP = 3; // between series, so that equal points are all seen

/** Plots a quantity over input size (logarithmic), with a line and symbol per series and error bars. */
export function plotOverResolution(points: readonly ResolutionPoint[], axis: ResolutionAxis): SvgPlot {
  const here = new Set(points.map(({ series }) => series));
  const legend = axis.series
    .map((label, i) => ({ label, color: seriesColor(i), symbol: SYMBOLS[i % SYMBOLS.length]! }))
    .filter(({ label }) => here.has(label));
  const names = legend.map(({ label }) => label);
  const ordered = [...points].sort((a, b) => a.resolution - b.resolution);
  const values = ordered.flatMap(({ value, interval }) => (interval ? [value, interval.low, interval.high] : [value]));
  const sizes = ordered.map(({ resolution }) => resolution);
  const options: Plot.PlotOptions = {
    height: 240,
    marginLeft: 46,
    marginRight: 16,
    marginBottom: 40,
    x: {
      type: 'log',
      domain: [min(sizes) / 1.05, max(sizes) * 1.05],
      label: 'input size (px)',
      labelArrow: 'none',
      ticks: readableTicks(sizes),
      tickFormat: 'd',
    },
    y: {
      domain: valueDomain(axis.fromZero ? [0, ...values] : values, 0),
      label: axis.quantity,
      labelArrow: 'none',
      grid: true,
      nice: true,
      ticks: 5,
    },
    marks: legend.flatMap((entry, i) => {
      const dx = (i - (legend.length - 1) / 2) * SIDESTEP;
      const own = ordered.filter(({ series }) => series === entry.label);
      return seriesMarks(own, { ...entry, dx });
    }),
  };
  return svgPlot(options, legend, describe(ordered, names, axis));
}

function seriesMarks(
  points: readonly ResolutionPoint[],
  { color: stroke, symbol, dx }: { color: string; symbol: Plot.SymbolType; dx: number },
): Plot.Markish[] {
  const intervals = points.flatMap(({ resolution, interval }) =>
    interval === null ? [] : [{ resolution, ...interval }],
  );
  const place = { x: 'resolution', y: 'value', stroke, strokeWidth: 1.75, dx } as const;
  return [
    Plot.ruleX(intervals, { x: 'resolution', y1: 'low', y2: 'high', stroke, strokeWidth: 2, strokeOpacity: 0.5, dx }),
    Plot.lineY(points, place),
    Plot.dot(points, { ...place, symbol, r: 4, title: pointText }),
  ];
}

function describe(points: readonly ResolutionPoint[], names: readonly string[], axis: ResolutionAxis): PlotText {
  const lines = names.map((name) => points.filter(({ series }) => series === name).map(pointText));
  return { title: axis.title, description: `${axis.quantity} over input size. ${lines.flat().join('; ')}.` };
}

function pointText({ series, resolution, text }: ResolutionPoint): string {
  return `${series} at ${resolution} px: ${text}`;
}

/** The sizes that get a label; of two that are too close, only the larger. */
function readableTicks(sizes: readonly number[]): number[] {
  const ticks: number[] = [];
  for (const size of [...new Set(sizes)].sort((a, b) => b - a)) {
    if (ticks.length === 0 || ticks.at(-1)! / size >= CLOSEST_TICKS) ticks.push(size);
  }
  return ticks;
}
