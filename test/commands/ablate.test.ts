import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { type CommandResult, llavahr, start, testFolder, waitForLines } from './cli.js';
import { publishedJson } from './json-schemas.js';

let folder: string;
before(async () => {
  folder = await testFolder();
});

function ablate(output: string, ...args: string[]): Promise<CommandResult> {
  return llavahr(folder, ...ablation(output, ...args));
}

function ablation(output: string, ...args: string[]): string[] {
  const places = ['--output', join(folder, output), '--report', join(folder, `${output}-report`)];
  return ['ablate', 'textvqa,pope', '--limit', '4', ...places, ...args];
}

test('every size becomes a row of the table, LLaVA-1.5 at its own and the larger size', async () => {
  const { code, stdout, stderr } = await ablate(
    'sizes',
    '--resolutions',
    '256',
    '--batch-size',
    '1',
    '--also',
    'llava-1.5',
  );
  assert.equal(code, 0, stderr);
  const lines = stdout.split('\n');
  assert.match(lines[0]!, / visual +textvqa val +pope test +.*memory$/);
  assert.match(lines[1]!, /^model .* tokens +accuracy \(%\) +f1 \(%\) +.*\(ms\) +tokens\/s .*\(GB\)$/);
  assert.match(lines[3]!, /^llava-hr-tiny +256 \+ 112 +64 .* 1\.00+ /);
  assert.match(lines[4]!, /^llava-1\.5-tiny +112 +64 /);
  assert.match(lines[5]!, /^llava-1\.5-tiny +252 \* +324 /);
  assert.match(stdout, /\* The checkpoint was not trained at this size/);
  assert.equal(readdirSync(join(folder, 'sizes')).length, 6);

  const report = join(folder, 'sizes-report', 'textvqa-pope-llava-hr-tiny');
  assert.deepEqual(readdirSync(report).sort(), [
    ...['ablation.csv', 'ablation.json', 'ablation.md', 'ablation.svg', 'ablation.tex'],
  ]);
  publishedJson('ablate', readFileSync(join(report, 'ablation.json'), 'utf8'));
  const rows: Record<string, string>[] = parse(readFileSync(join(report, 'ablation.csv'), 'utf8'), { columns: true });
  const scores = rows.filter(({ metric }) => metric === 'accuracy');
  assert.deepEqual(
    scores.map(({ model, resolution, trained_resolution, unit }) => [model, resolution, trained_resolution, unit]),
    [
      ['llava-hr-tiny', '256', '256', 'percent'],
      ['llava-1.5-tiny', '112', '112', 'percent'],
      ['llava-1.5-tiny', '252', '112', 'percent'],
    ],
  );
  assert.match(readFileSync(join(report, 'ablation.svg'), 'utf8'), /textvqa over input size.*Latency over input size/s);
});

test('invalid combinations of options and sizes are rejected before anything runs', async () => {
  const rejected = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await ablate('rejected', ...args);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(await rejected(), /Give input sizes with --resolutions/);
  assert.match(await rejected('--resolutions', '100'), /Any multiple of 32/);
});

test('random weights take no benchmark', async () => {
  const rejected = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await llavahr(folder, 'ablate', ...args);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  const random = ['--random-weights', 'llava-hr-7b'];
  assert.match(await rejected('--resolutions', '256'), /Give a benchmark: llavahr ablate textvqa/);
  assert.match(
    await rejected('textvqa', ...random, '--resolutions', '384'),
    /speed and memory only.* leave out textvqa/,
  );
  assert.match(await rejected(...random), /Give input sizes with --resolutions/);
});

test('an interrupted ablation exits with 130 and can be resumed', async () => {
  const args = ['--resolutions', '256', '--limit', '8', '--batch-size', '1'];
  const running = start(folder, ablation('interrupted', ...args));
  await waitForLines(join(folder, 'interrupted'), 2);
  running.process.kill('SIGINT');
  assert.equal((await running.result).code, 130);
  const { code, stdout, stderr } = await ablate('interrupted', ...args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Resuming/);
  assert.match(stdout, /llava-hr-tiny +256 \+ 112/);
});
