import assert from 'node:assert/strict';
import test from 'node:test';
import { plotLatencyStages } from '../../../src/results/plots/latency-stages.js';
import { parseSvg, texts } from './parse-svg.js';

const BARS = [
  { label: 'llava-1.5-7b 336 px', stages: { image: 10, vision: 30, prefill: 120, decode: 40 } },
  { label: 'llava-hr-7b 1024 px', stages: { image: 20, vision: 60, prefill: 120, decode: null } },
];

test('segments are stacked with lengths proportional to their times, and the total is at the end', () => {
  const plot = parseSvg(plotLatencyStages(BARS, 'speed').svg);
  const segments = [...plot.querySelectorAll('[aria-label="bar"] rect')].map((rect) => ({
    x: Number(rect.getAttribute('x')),
    width: Number(rect.getAttribute('width')),
    title: rect.querySelector('title')!.textContent,
  }));
  assert.equal(segments.length, 8);
  const first = segments.filter(({ title }) => title.startsWith('llava-1.5')).sort((a, b) => a.x - b.x);
  assert.deepEqual(
    first.map(({ title }) => title.split(': ')[1]),
    ['image decoding 10.0 ms', 'vision 30.0 ms', 'prefill 120.0 ms', 'decoding the answer 40.0 ms'],
  );
  assert.ok(Math.abs(first[1]!.width / first[0]!.width - 3) < 1e-6);
  assert.ok(Math.abs(first[0]!.x + first[0]!.width - first[1]!.x) < 1e-6);
  const words = [...plot.querySelectorAll('[aria-label="text"] text')].map(({ textContent }) => textContent);
  assert.deepEqual(words.slice(-2), ['200.0', '> 200.0']);
});

test('a stage that was not measured is labelled as such', () => {
  const plot = parseSvg(plotLatencyStages(BARS, 'speed').svg);
  assert.match(plot.querySelector('desc')!.textContent, /1024 px: .*, decoding the answer not measured\.$/);
});

test('times of zero leave the axis a scale', () => {
  const stages = { image: 0, vision: 0, prefill: 0, decode: 0 };
  const plot = parseSvg(plotLatencyStages([{ label: 'none', stages }], 'speed').svg);
  const ticks = texts(plot, 'x-axis tick label');
  assert.ok(ticks.length > 1 && new Set(ticks).size === ticks.length, String(ticks));
});

test('ticks leave room for numbers of five digits beside the longest names, which take two lines', () => {
  for (const ms of [900, 1200, 1250, 4100, 9400, 21_000]) {
    const label = 'a model with a very long name at 1024 px';
    const plot = parseSvg(
      plotLatencyStages([{ label, stages: { image: ms, vision: 0, prefill: 0, decode: 0 } }], 'speed').svg,
    );
    const ticks = [...plot.querySelectorAll('[aria-label="x-axis tick label"] text')];
    const places = ticks.map((tick) => Number(/translate\(([\d.]+)/.exec(tick.getAttribute('transform')!)![1]));
    const gaps = places.slice(1).map((place, i) => place - places[i]!);
    const letters = Math.max(...ticks.map(({ textContent }) => textContent.length));
    assert.ok(Math.min(...gaps) > letters * 5.5, `${ms}: ${places}`);
    const lines = [...plot.querySelectorAll('[aria-label="y-axis tick label"] tspan')];
    assert.deepEqual(
      lines.map(({ textContent }) => textContent),
      ['a model with a very long', 'name at 1024 px'],
    );
  }
});
