import * as Plot from '@observablehq/plot';
import { countOf } from '../../shared/count-of.js';
import { rowNames, type SvgPlot, seriesColor, svgPlot } from './svg-plot.js';
import { valueDomain } from './value-domain.js';

/** A dot: the difference of a model from the first one on a category. */
export interface DifferenceDot {
  series: string;
  category: string;
  questions: number;
  /** In percent, with the 95 % interval. */
  mean: number;
  low: number;
  high: number;
}

const LINE_HEIGHT = 13; // of one series in a category
const MARGIN_TOP = 4;
const MARGIN_BOTTOM = 40;
const PADDING = 0.6; // beyond the first and last category, in rows

/** The model from which the others differ. */
export interface Baseline {
  /** Short, for the axis. */
  key: string;
  label: string;
}

/**
 * Dots with intervals around zero: one row per category with one line per model.
 * @param allSeries all models of the page, including those without a dot here, so that colours agree between plots
 */
export function plotCategoryDifferences(
  dots: readonly DifferenceDot[],
  title: string,
  baseline: Baseline,
  allSeries: readonly string[],
): SvgPlot {
  const categories = [...new Set(dots.map(({ category }) => category))];
  const here = new Set(dots.map(({ series }) => series));
  const legend = allSeries.map((label, i) => ({ label, color: seriesColor(i) })).filter(({ label }) => here.has(label));
  const questionsOf = new Map(dots.map(({ category, questions }) => [category, questions]));
  const names = rowNames(categories.map((category) => `${category} (${questionsOf.get(category)})`));
  const rowHeight = Math.max(legend.length * LINE_HEIGHT, names.height) + 10;
  const options: Plot.PlotOptions = {
    height: MARGIN_TOP + (categories.length - 1 + 2 * PADDING) * rowHeight + MARGIN_BOTTOM,
    marginTop: MARGIN_TOP,
    marginLeft: names.marginLeft,
    marginRight: 16,
    marginBottom: MARGIN_BOTTOM,
    x: {
      domain: valueDomain([0, ...dots.flatMap(({ mean, low, high }) => [mean, low, high])]),
      label: `difference from ${baseline.key} (percent of the full score)`,
      labelArrow: 'none',
      grid: true,
      ticks: 3,
      nice: true,
    },
    y: {
      label: null,
      domain: categories,
      tickFormat: (category: string) => names.texts[categories.indexOf(category)]!,
      tickSize: 0,
      type: 'point',
      padding: PADDING,
    },
    marks: [
      Plot.ruleX([0], { stroke: 'currentColor' }),
      ...legend.flatMap(({ label, color }, i) => {
        const own = dots.filter(({ series }) => series === label);
        const dy = (i - (legend.length - 1) / 2) * LINE_HEIGHT;
        return [
          Plot.ruleY(own, { y: 'category', x1: 'low', x2: 'high', stroke: color, strokeWidth: 1.5, dy }),
          Plot.dot(own, { y: 'category', x: 'mean', fill: color, r: 3.5, dy, title: dotText }),
        ];
      }),
    ],
  };
  const description = `Difference from ${baseline.label} by category. ${dots.map(dotText).join('; ')}.`;
  return svgPlot(options, legend, { title, description });
}

function dotText({ series, category, questions, mean, low, high }: DifferenceDot): string {
  const [difference, from, to] = [mean, low, high].map((value) => `${value < 0 ? '' : '+'}${value.toFixed(1)}`);
  return `${series} on ${category} (${countOf(questions, 'question')}): ${difference} [${from}, ${to}]`;
}
