import * as Plot from '@observablehq/plot';
import { QUIET_COLOR, rowNames, type SvgPlot, seriesColor, svgPlot } from './svg-plot.js';
import { valueDomain } from './value-domain.js';

/** In order of execution. */
const STAGES = ['image', 'vision', 'prefill', 'decode'] as const;

/** Milliseconds for one question about one image; null if a stage was not measured. */
export interface StageBar {
  label: string;
  stages: Record<(typeof STAGES)[number], number | null>;
}

const LABELS: Record<keyof StageBar['stages'], string> = {
  image: 'image decoding',
  vision: 'vision',
  prefill: 'prefill',
  decode: 'decoding the answer',
};
/** Image decoding has a muted colour: in an evaluation it overlaps with the previous batch. */
const COLORS = [QUIET_COLOR, seriesColor(0), seriesColor(1), seriesColor(2)];

/** Stacked bars of the stages, one bar per model, labelled with the sum. */
export function plotLatencyStages(bars: readonly StageBar[], title: string): SvgPlot {
  const parts = bars.flatMap(({ label, stages }, bar) =>
    STAGES.map((stage) => ({
      bar,
      stage: LABELS[stage],
      ms: stages[stage] ?? 0,
      text: `${label}: ${part(stage, stages)}`,
    })),
  );
  const sums = bars.map(({ stages }, bar) => {
    const ms = STAGES.reduce((sum, stage) => sum + (stages[stage] ?? 0), 0);
    const isWhole = STAGES.every((stage) => stages[stage] !== null);
    return { bar, ms, text: `${isWhole ? '' : '> '}${ms.toFixed(1)}` };
  });
  const legend = STAGES.map((stage, i) => ({ label: LABELS[stage], color: COLORS[i]! }));
  const names = rowNames(bars.map(({ label }) => label));
  const options: Plot.PlotOptions = {
    height: Math.max(24, names.height + 8) * bars.length + 48,
    marginTop: 4,
    marginLeft: names.marginLeft,
    marginRight: 46,
    marginBottom: 40,
    x: {
      domain: valueDomain([0, ...sums.map(({ ms }) => ms)], 0),
      label: 'ms for one question about one image',
      labelArrow: 'none',
      grid: true,
      ticks: 3,
    },
    y: {
      label: null,
      domain: bars.map((_bar, i) => i),
      tickFormat: (bar: number) => names.texts[bar]!,
      tickSize: 0,
      padding: 0.3,
    },
    color: { type: 'ordinal', domain: legend.map(({ label }) => label), range: COLORS },
    marks: [
      Plot.barX(parts, { y: 'bar', x: 'ms', fill: 'stage', order: legend.map(({ label }) => label), title: 'text' }),
      Plot.text(sums, { y: 'bar', x: 'ms', text: 'text', textAnchor: 'start', dx: 5 }),
    ],
  };
  const description = bars
    .map(({ label, stages }) => `${label}: ${STAGES.map((stage) => part(stage, stages)).join(', ')}`)
    .join('; ');
  return svgPlot(options, legend, { title, description: `${description}.` });
}

function part(stage: keyof StageBar['stages'], stages: StageBar['stages']): string {
  const ms = stages[stage];
  return `${LABELS[stage]} ${ms === null ? 'not measured' : `${ms.toFixed(1)} ms`}`;
}
