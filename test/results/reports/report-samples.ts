import type { PublishedReference } from '../../../src/results/reports/compare.js';
import type { RunResult } from '../../../src/results/runs/load-run.js';
import type { RunIdentity } from '../../../src/results/runs/run-identity.js';
import { identity, latency, runResult } from '../samples.js';

/** A formula, a cell's and a line's end, a link, an element, emphasis and a macro. */
export const HOSTILE = '=cmd|"x"!A1\r\n[a](http://b)<img src=x>`c`*d*_e_\\input{f}&%$#~^';

/** A model of its own for runs: its name and size tell it from others. */
export function model(name: string, resolution = 1024): Pick<RunIdentity, 'model'> {
  return { model: { ...identity.model, name, resolution, weightsHash: Buffer.from(name).toString('hex') } };
}

/** A run of TextVQA with an interval around its score. */
export function textvqa(changes: Partial<RunIdentity>, accuracy: number): RunResult {
  const run = runResult(changes, { accuracy });
  run.metrics.intervals = { accuracy: { low: accuracy - 1, high: accuracy + 1 } };
  return run;
}

/** A run of MME: points, breakdowns, and times that were measured. */
export function mme(changes: Partial<RunIdentity>, total: number): RunResult {
  const run = runResult(
    { benchmark: 'mme', split: 'test', ...changes },
    { 'total score': total, accuracy: 80, 'perception/color': 2 / 3 },
  );
  run.metrics.points = ['total score', 'perception/color'];
  const stage = { n: 30, p50: 12.345678901234567, p95: 20, mean: 13 };
  run.latency = {
    ...latency,
    visualTokensPerImage: 1024,
    stages: { ...latency.stages, visionMsPerImage: stage },
    tokensPerSecond: { generate: 50, model: 30.25, endToEnd: 20 },
    questionsPerSecond: 3.125,
  };
  return run;
}

/** A run whose scores only a server knows. */
export function unscored(changes: Partial<RunIdentity>): RunResult {
  const run = runResult({ split: 'test', ...changes }, {});
  run.metrics.headline = null;
  return run;
}

/** What is published about a model: a number on MME for its run, and one on TextVQA at another size. */
export function publishedMme({ metrics }: RunResult): PublishedReference {
  const source = { title: 'A paper', address: 'https://example.org/paper' };
  return metrics.benchmark === 'mme'
    ? { score: 1554, source, mismatches: [], note: null }
    : { score: 67.1, source, mismatches: ['1536 px'], note: null };
}
