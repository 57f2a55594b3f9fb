import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { parse } from 'csv-parse/sync';
import type { TimingReport } from '../../src/results/reports/timing-report.js';
import { llavahr, start, testFolder } from './cli.js';
import { publishedJson } from './json-schemas.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

test('two models, batch sizes and prompt lengths: every setting is measured, stages add up, tokens are all generated', async () => {
  const csv = join(folder, 'runs.csv');
  const { code, stdout, stderr } = await llavahr(
    folder,
    ...['latency', '--vs', 'llava-1.5', '--batch-size', '1,2', '--prompt-tokens', '20,40', '--new-tokens', '6'],
    ...['--repetitions', '2', '--warmup', '1', '--json', '--output', csv],
  );
  assert.equal(code, 0, stderr);
  const report = publishedJson('latency', stdout) as TimingReport;
  assert.deepEqual([report.together, report.interrupted, report.repetitions, report.warmup], [true, false, 2, 1]);
  assert.deepEqual(
    report.rows.map(({ model, setting }) => `${model.name} ${setting.batchSize} ${setting.promptTokens}`),
    [
      ...['llava-hr-tiny 1 20', 'llava-1.5-tiny 1 20', 'llava-hr-tiny 1 40', 'llava-1.5-tiny 1 40'],
      ...['llava-hr-tiny 2 20', 'llava-1.5-tiny 2 20', 'llava-hr-tiny 2 40', 'llava-1.5-tiny 2 40'],
    ],
  );
  for (const { summary, runs, setting, peakMemoryBytes, firstModelSpeed, model } of report.rows) {
    const { stages, throughput } = summary;
    assert.equal(runs.length, 2);
    assert.ok(runs.every((run) => run.decodeImageMs > 0 && run.visionMs > 0 && run.prefillMs! > 0));
    const sum = stages.firstToken.mean! + 5 * stages.decodePerToken.mean!;
    assert.ok(Math.abs(sum / stages.total.mean! - 1) < 1e-9, `${sum} of ${stages.total.mean}`);
    const seconds = runs.reduce((total, run) => total + run.visionMs + run.generateMs, 0) / 1000;
    assert.ok(Math.abs(throughput.tokensPerSecond! / ((2 * 6 * setting.batchSize) / seconds) - 1) < 1e-9);
    assert.equal(stages.total.p95, null);
    assert.ok(peakMemoryBytes! > 50e6);
    assert.equal(firstModelSpeed === null, model.name === 'llava-hr-tiny');
  }
  const lines: Record<string, string>[] = parse(await readFile(csv, 'utf8'), { columns: true });
  const vision = lines.filter(({ metric }) => metric === 'vision');
  assert.equal(vision.length, 16);
  assert.equal(vision[0]!['unit'], 'ms');
  assert.equal(Number(vision[0]!['value']), report.rows[0]!.runs[0]!.visionMs);
});

test("the paper's protocol sets LLaVA-1.5 beside it at its own size and at LLaVA-HR's", async () => {
  const args = ['latency', '--protocol', 'paper', '--repetitions', '1', '--vs', 'llava-1.5'];
  const { code, stdout, stderr } = await llavahr(folder, ...args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /llava-hr-tiny +256 +64 .*\nllava-1\.5-tiny +112 +64 .*\nllava-1\.5-tiny +252 +324 /);
  assert.match(stdout, /published\nmodel +\(px\) .*\btokens\/s .*\(GB\) +tokens\/s$/m);
  assert.match(stdout, /^llava-hr-tiny at 256 px is \d+\.\d\dx as fast as llava-1\.5-tiny at 112 px$/m);
  assert.match(stdout, /^llava-hr-tiny at 256 px is \d+\.\d\dx as fast as llava-1\.5-tiny at 252 px$/m);
  assert.match(stdout, /1 repetition after 0 warm-up runs/);
  assert.match(stdout, /exactly 10 tokens/);
  assert.match(stdout, /cores, [\d.]+ GB/);
  assert.match(stdout, /onnxruntime \d/);
  assert.match(stdout, /NVIDIA A800/);
});

test('Ctrl-C shows what was measured until then and exits with 130', async () => {
  const running = start(folder, ['latency', '--repetitions', '5000', '--warmup', '0', '--new-tokens', '2', '--json']);
  const timer = setTimeout(() => running.process.kill('SIGINT'), 8000);
  const { code, stdout, stderr } = await running.result;
  clearTimeout(timer);
  assert.equal(code, 130, stderr);
  if (stdout === '') return; // a machine so busy that nothing was measured yet
  const report = JSON.parse(stdout) as TimingReport;
  assert.equal(report.interrupted, true);
  assert.ok(report.rows[0]!.runs.length < 5000);
});

test('usage errors are reported before anything is measured', async () => {
  const wrong: [string[], RegExp][] = [
    [['--random-weights', 'llava-7b'], /Allowed choices are llava-hr-7b/],
    [['--prompt-tokens', '1'], /must be at least 2/],
    [['--output', 'out.txt'], /must end in \.csv or \.json/],
    [['--new-tokens', '4000'], /exceed llava-hr-tiny's context of 2048 tokens/],
    [['--device', 'tpu'], /--device must be/],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await llavahr(folder, 'latency', ...args);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
  }
});
