import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EXTRA_BENCHMARKS } from '../../src/benchmarks/registry.js';
import type { EvalJson } from '../../src/commands/json-output.js';
import { llavahr, testFolder } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

async function runs(...args: string[]): Promise<EvalJson['runs']> {
  const { code, stdout, stderr } = await llavahr(folder, 'eval', ...args, '--json');
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as EvalJson).runs;
}

test('eval extra runs every later benchmark', async () => {
  const done = await runs('extra', '--limit', '2', '--output', join(folder, 'extra'));
  assert.deepEqual(
    done.map(({ metrics }) => [metrics.benchmark, metrics.n, metrics.failed]),
    EXTRA_BENCHMARKS.map(({ name }) => [name, 2, 0]),
  );
});

test('the HR-Bench sample is easier to read at 256 px than at 128 px', async () => {
  const score = async (resolution: string): Promise<number> => {
    const output = join(folder, resolution);
    const [run] = await runs('hrbench-4k', '--resolution', resolution, '--threads', '1', '--output', output);
    return run!.metrics.scores['accuracy']!;
  };
  const [low, high] = [await score('128'), await score('256')];
  assert.ok(high > low + 15, `${low} and ${high}`);
});
