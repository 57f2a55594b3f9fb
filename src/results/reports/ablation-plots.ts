import { plotOverResolution, type ResolutionPoint } from '../plots/over-resolution.js';
import { svgFile } from '../plots/svg-plot.js';
import { partMark } from '../runs/asked-questions.js';
import { type AblationRow, isOf, scoreTitle } from './ablation-table.js';

/** Plots the score of each benchmark and the time to first token over input size, as one SVG file. */
export function ablationPlots(rows: readonly AblationRow[]): string {
  const scored = rows.flatMap(({ runs }) => runs.filter(({ metrics }) => metrics.headline !== null));
  const series = [...new Set(rows.map(({ model }) => model))];
  const benchmarks = [...new Set(scored.map(({ metrics }) => metrics.benchmark))];
  const scorePlots = benchmarks.map((benchmark) =>
    plotOverResolution(scorePoints(rows, benchmark), {
      title: `${benchmark} over input size`,
      series,
      quantity: scoreTitle(rows, benchmark) + partMark(scored.find(isOf(benchmark))!),
      fromZero: false,
    }),
  );
  const latencyPoints = rows.flatMap(({ model, resolution, speed }): ResolutionPoint[] =>
    speed === null
      ? []
      : [point(model, resolution.high, speed.timeToFirstTokenMs, speed.timeToFirstTokenInterval, 'ms')],
  );
  const axis = { title: 'Latency over input size', series, quantity: 'time to first token (ms)', fromZero: true };
  return svgFile([...scorePlots, ...(latencyPoints.length > 0 ? [plotOverResolution(latencyPoints, axis)] : [])]);
}

function scorePoints(rows: readonly AblationRow[], benchmark: string): ResolutionPoint[] {
  return rows.flatMap(({ model, resolution, runs }) => {
    const metrics = runs.find(isOf(benchmark))?.metrics;
    if (!metrics || metrics.headline === null) return [];
    const { headline, scores, intervals, points } = metrics;
    const unit = points.includes(headline) ? 'points' : '%';
    return [point(model, resolution.high, scores[headline]!, intervals[headline] ?? null, unit)];
  });
}

function point(
  series: string,
  resolution: number,
  value: number,
  interval: ResolutionPoint['interval'],
  unit: string,
): ResolutionPoint {
  return { series, resolution, value, interval, text: `${value.toFixed(1)} ${unit}` };
}
