import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import test from 'node:test';
import { loadAsked } from '../../src/benchmarks/question-selection.js';
import { BENCHMARKS } from '../../src/benchmarks/registry.js';
import { loadAskedBenchmark } from '../../src/evaluation/load-asked-benchmark.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { sha256OfFile } from '../../src/shared/file-hash.js';
import { projectRoot } from '../fixtures.js';
import { identity } from '../results/samples.js';

test("every benchmark is reloaded from a run's record with the same questions", async () => {
  const selections = [{ limit: 20 }, { offset: 5, limit: 10 }, { sample: 10, seed: 3 }];
  for (const [i, definition] of BENCHMARKS.entries()) {
    const { name } = definition;
    const options = { protocol: 'llava', maxNewTokens: 7, ...selections[i % 3] } as const;
    const asked = await loadAsked(definition, sampleData(name), options);
    await asked.images.close();
    const dataFiles: Record<string, string> = {};
    for (const path of asked.files) dataFiles[basename(path)] = await sha256OfFile(path);
    const { split, protocol } = asked;
    const found = await loadAskedBenchmark({ ...identity, benchmark: name, split, protocol, dataFiles }, {});
    assert.deepEqual(found.questions, asked.questions, name);
    assert.deepEqual(found.files, asked.files, name);
    assert.equal(found.maxNewTokens, 7);
  }
});

test("files that differ from the run's are refused, naming the field that differs", async () => {
  const run = { ...identity, protocol: { protocol: 'llava', ocrTokens: false, limit: null } };
  const data = join(projectRoot, 'sample', 'benchmarks');
  await assert.rejects(
    loadAskedBenchmark(run, { data }),
    /Give the same --data as to eval\.\n {2}.*sample\/benchmarks\/textvqa: dataFiles\.TextVQA_0\.5\.1_val\.json is "[0-9a-f]{64}" here and "b{64}" in the run/,
  );
  await assert.rejects(loadAskedBenchmark({ ...run, benchmark: 'custom' }, {}), /custom run needs --questions/);
});
