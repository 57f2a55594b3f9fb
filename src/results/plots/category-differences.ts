import * as Plot from '@observablehq/plot';
import { LONGEST_ROW_NAME, rowNameMargin, type SvgPlot, seriesColor, shortened, svgPlot } from './svg-plot.js';

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

/**
 * Dots with intervals around zero: one row per category with one line per model.
 * @param allSeries all models of the page, including those without a dot here, so that colours agree between plots
 */
export function plotCategoryDifferences(
  dots: readonly DifferenceDot[],
  title: string,
  baseline: string,
  allSeries: readonly string[],
): SvgPlot {
  const categories = [...new Set(dots.map(({ category }) => category))];
  const here = new Set(dots.map(({ series }) => series));
  const legend = allSeries.map((label, i) => ({ label, color: seriesColor(i) })).filter(({ label }) => here.has(label));
  const labels = new Map(dots.map(({ category, questions }) => [category, rowName(category, questions)] as const));
  const options: Plot.PlotOptions = {
    height: categories.length * (legend.length * LINE_HEIGHT + 10) + 48,
    marginTop: 4,
    marginLeft: rowNameMargin([...labels.values()]),
    marginRight: 16,
    marginBottom: 40,
    x: {
      label: `difference from ${baseline} (percent of the full score)`,
      labelArrow: 'none',
      grid: true,
      ticks: 3,
      nice: true,
    },
    y: {
      label: null,
      domain: categories,
      tickFormat: (category: string) => labels.get(category)!,
      tickSize: 0,
      type: 'point',
      padding: 0.7,
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
  const description = `Difference from ${baseline} by category. ${dots.map(dotText).join('; ')}.`;
  return svgPlot(options, legend, { title, description });
}

function rowName(category: string, questions: number): string {
  const count = ` (${questions})`;
  return `${shortened(category, LONGEST_ROW_NAME - count.length)}${count}`;
}

function dotText({ series, category, questions, mean, low, high }: DifferenceDot): string {
  const [difference, from, to] = [mean, low, high].map((value) => `${value < 0 ? '' : '+'}${value.toFixed(1)}`);
  return `${series} on ${category} (${questions} questions): ${difference} [${from}, ${to}]`;
}
