import assert from 'node:assert/strict';
import test from 'node:test';
import { plotOverResolution, type ResolutionPoint } from '../../../src/results/plots/over-resolution.js';
import { commonLegend, svgFile } from '../../../src/results/plots/svg-plot.js';
import { parseSvg, texts } from './parse-svg.js';

function point(series: string, resolution: number, value: number, half: number | null = null): ResolutionPoint {
  const interval = half === null ? null : { low: value - half, high: value + half };
  return { series, resolution, value, interval, text: value.toFixed(2) };
}

const POINTS = [point('hr', 1024, 67, 1), point('hr', 384, 52, 2), point('1.5', 336, 58), point('1.5', 1022, 50)];
const AXIS = { title: 'textvqa val', series: ['hr', '1.5'], quantity: 'accuracy (%)', fromZero: false };

test('a line per series, a symbol per point and a bar per interval', () => {
  const plot = parseSvg(plotOverResolution(POINTS, AXIS).svg);
  assert.equal(plot.querySelectorAll('[aria-label="line"] path').length, 2);
  assert.equal(plot.querySelectorAll('[aria-label="rule"] line').length, 2);
  const points = [...plot.querySelectorAll('[aria-label="dot"] title')].map(({ textContent }) => textContent);
  assert.deepEqual(points.sort(), [
    '1.5 at 1022 px: 50.00',
    '1.5 at 336 px: 58.00',
    'hr at 1024 px: 67.00',
    'hr at 384 px: 52.00',
  ]);
  assert.deepEqual(texts(plot, 'x-axis tick label'), ['1024', '384', '336']); // 1022 would touch 1024
});

test('points are placed at their values', () => {
  const plot = parseSvg(plotOverResolution(POINTS.slice(0, 2), AXIS).svg);
  const circles = [...plot.querySelectorAll('[aria-label="dot"] circle')];
  const [first, second] = circles.map((circle) => ['cx', 'cy'].map((name) => Number(circle.getAttribute(name))));
  assert.ok(first![0]! < second![0]!, 'the smaller size is on the left');
  assert.ok(first![1]! > second![1]!, 'the lower score is below');
});

test('equal values are in the middle of an axis with different ticks, and intervals without width take no room', () => {
  for (const [value, half] of [
    [50, 0],
    [0, 0],
    [100, 0],
    [1 / 3, 1e-15],
  ] as const) {
    const points = [point('hr', 384, value, half), point('hr', 1024, value, half), point('1.5', 336, value, half)];
    for (const fromZero of [false, true]) {
      const plot = parseSvg(plotOverResolution(points, { ...AXIS, fromZero }).svg);
      const ticks = texts(plot, 'y-axis tick label');
      assert.ok(ticks.length > 1 && new Set(ticks).size === ticks.length, `${value}: ${ticks}`);
      const bars = [...plot.querySelectorAll('[aria-label="rule"] line')];
      const lengths = bars.map((bar) => Number(bar.getAttribute('y2')) - Number(bar.getAttribute('y1')));
      assert.ok(
        lengths.every((length) => Math.abs(length) < 0.01),
        `${value}: ${lengths}`,
      );
    }
  }
});

test('the same points give the same bytes, with the values as text for screen readers', () => {
  const { svg } = plotOverResolution(POINTS, AXIS);
  assert.equal(plotOverResolution(POINTS, AXIS).svg, svg);
  const plot = parseSvg(svg);
  assert.equal(plot.getAttribute('role'), 'img');
  assert.equal(plot.getAttribute('aria-label'), 'textvqa val');
  assert.match(plot.querySelector('desc')!.textContent, /hr at 384 px: 52\.00; hr at 1024 px: 67\.00/);
});

test('a long title takes several lines', () => {
  const title = 'textvqa val (protocol.ocrTokens false, protocol.limit 100, protocol.sample none)';
  const whole = plotOverResolution(POINTS, { ...AXIS, title });
  const lines = [...parseSvg(whole.svg).querySelectorAll('text[font-weight]')].map(({ textContent }) => textContent);
  assert.equal(lines.length, 2);
  assert.equal(lines.join(' '), title);
  assert.equal(whole.height, plotOverResolution(POINTS, AXIS).height + 17);
});

test('hostile names stay text, and no inline style is needed', () => {
  const name = '</text><script>alert(1)</script>"&\0\ud800';
  const { svg } = plotOverResolution([point(name, 384, 1), point(name, 768, 2)], {
    ...AXIS,
    series: [name],
    title: name,
  });
  const plot = parseSvg(svg);
  assert.equal(plot.querySelectorAll('script').length, 0);
  assert.equal(plot.querySelectorAll('style, [style]').length, 0);
  assert.ok(!/[\0\ud800]/u.test(svg));
  assert.ok(plot.getAttribute('aria-label')!.startsWith('</text><script>alert(1)</script>"&'));
});

test('a file is self-contained: its size, light and dark colours, plots below each other and one legend', () => {
  const plots = [plotOverResolution(POINTS, AXIS), plotOverResolution(POINTS, { ...AXIS, title: 'second' })];
  const file = svgFile(plots);
  const svg = parseSvg(file);
  const [first, second] = [...svg.querySelectorAll('svg[role="img"]')];
  assert.equal(Number(second!.getAttribute('y')), Number(first!.getAttribute('y')) + plots[0]!.height + 16);
  assert.equal(svg.getAttribute('fill'), 'currentColor'); // of the legend, too
  assert.match(svg.querySelector('style')!.textContent, /prefers-color-scheme: dark/);
  assert.deepEqual(
    commonLegend(plots).map(({ label }) => label),
    ['hr', '1.5'],
  );
  assert.equal([...svg.querySelectorAll('text')].filter(({ textContent }) => textContent === '1.5').length, 1);
  for (const [, variable] of file.matchAll(/"var\((--[\w-]+)\)"/g))
    assert.ok(file.includes(`${variable}: #`), variable);
});

test('a series has the same colour and symbol in every plot, even if another one is missing', () => {
  const whole = plotOverResolution(POINTS, AXIS).svg;
  const alone = plotOverResolution(POINTS.slice(2), AXIS).svg;
  assert.ok(whole.includes('var(--series-1)') && whole.includes('var(--series-2)'));
  assert.ok(!alone.includes('var(--series-1)') && alone.includes('var(--series-2)'));
  const symbolOf = (svg: string) => {
    const dots = [...parseSvg(svg).querySelectorAll('[aria-label="dot"] path')];
    return dots.find(({ textContent }) => textContent.startsWith('1.5 at 336'))!.getAttribute('d');
  };
  assert.equal(symbolOf(alone), symbolOf(whole));
});
