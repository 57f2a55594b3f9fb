import assert from 'node:assert/strict';
import test from 'node:test';
import type { LoadedBenchmark, Protocol } from '../../src/benchmarks/benchmark.js';
import { findBenchmark, PAPER_BENCHMARKS } from '../../src/benchmarks/registry.js';
import { sampleData } from '../../src/evaluation/sample.js';

function sample(name: string, protocol: Protocol): Promise<LoadedBenchmark> {
  return findBenchmark(name).load(sampleData(name)!, { protocol, images: false });
}

const OTHERS: Readonly<Record<string, RegExp>> = {
  mme: /^lmms-eval's mme_aggregate_results stops/,
  ocrvqa: /^eval_ocrvqa\.py takes the mean/, // lmms-eval has no such task
};

for (const { name } of PAPER_BENCHMARKS) {
  test(`${name}: what is said of missing answers follows the protocol`, async () => {
    const { missingAnswers } = await sample(name, 'lmms-eval');
    assert.match(
      missingAnswers!.treatment,
      OTHERS[name] ?? /^lmms-eval takes the mean over the answers that are there\.$/,
    );
    assert.equal(missingAnswers!.scores, undefined);
    assert.doesNotMatch((await sample(name, 'llava')).missingAnswers?.treatment ?? '', /lmms-eval/);
  });
}
