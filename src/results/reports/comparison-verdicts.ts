import { visibleLine } from '../../shared/visible-text.js';
import { better, worse } from '../../terminal/style.js';
import { questionsOf } from '../runs/metrics.js';
import { decimalsFor, halfWidthOf, pValueText, signedText } from '../statistics/digits.js';
import type { Comparison, ComparisonRow, ScoreDifference } from './compare.js';

const LEVEL = 0.05;

/**
 * States in words which differences are significant (corrected p-value below 0.05), and for the others which difference
 * would be detected with 80 % power.
 */
export function comparisonVerdicts(comparisons: readonly Comparison[]): string[] {
  const pairs = new Map<string, string[][]>();
  for (const comparison of comparisons) {
    const base = comparison.rows.find(({ isBaseline }) => isBaseline);
    for (const row of comparison.rows) {
      if (!base || !row.difference || row.difference.adjustedPValue === null) continue;
      const key = JSON.stringify([row.label, base.label]);
      const lists = pairs.get(key) ?? [[], [], []];
      pairs.set(key, lists);
      lists[verdictOf(row.difference)]!.push(phrase(comparison, row, row.difference));
    }
  }
  const isAnyOpen = [...pairs.values()].some((lists) => lists[2]!.length > 0);
  const lines = [...pairs].flatMap(([key, lists]) => {
    const [label, base] = (JSON.parse(key) as [string, string]).map(visibleLine) as [string, string];
    const words = [better('better than'), worse('worse than'), 'not distinguishable from'];
    return lists.flatMap((list, i) =>
      list.length > 0 ? [`${label} is ${words[i]} ${base} on`, ...list.map((line) => `  ${line}`)] : [],
    );
  });
  return isAnyOpen
    ? [...lines, 'Detectable: the smallest difference that a test at the 5 % level finds with 80 % power.']
    : lines;
}

/** 0 better, 1 worse, 2 not distinguishable. */
function verdictOf({ points, adjustedPValue }: ScoreDifference): 0 | 1 | 2 {
  if (adjustedPValue === null || adjustedPValue >= LEVEL || points === 0) return 2;
  return points > 0 ? 0 : 1;
}

/** "textvqa: +4.2 percentage points (95 % CI 1.1 to 7.3), p 0.004" */
function phrase({ benchmark, metric, unit }: Comparison, row: ComparisonRow, difference: ScoreDifference): string {
  const { points, interval, adjustedPValue, detectable } = difference;
  const halfWidth = halfWidthOf(interval);
  const decimals = halfWidth === null ? 1 : decimalsFor(halfWidth);
  const range = interval ? ` (95 % CI ${interval.low.toFixed(decimals)} to ${interval.high.toFixed(decimals)})` : '';
  const needed =
    verdictOf(difference) === 2 && detectable !== null
      ? `; detectable with ${questionsOf(row.run.metrics, metric)} questions: ${detectable.toFixed(decimals)}`
      : '';
  const what = unit === 'points' ? 'points' : 'percentage points';
  return visibleLine(
    `${benchmark}${row.mark}: ${signedText(points, decimals)} ${what}${range}, p ${pValueText(adjustedPValue)}${needed}`,
  );
}
