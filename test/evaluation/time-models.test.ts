import assert from 'node:assert/strict';
import test from 'node:test';
import { downloadsOnDemand } from '../../src/downloads/downloads-on-demand.js';
import { chooseModel } from '../../src/evaluation/choose-model.js';
import { LLAVA_15_SAMPLE_MODEL, SAMPLE_MODEL } from '../../src/evaluation/sample.js';
import { timeModels } from '../../src/evaluation/time-models.js';
import type { PlannedRun } from '../../src/evaluation/timing-plan.js';
import { pairedSpeedRatio } from '../../src/results/reports/timed-runs.js';

test('models that do not fit into the free memory together run in two blocks each, loaded one at a time', async () => {
  const downloads = downloadsOnDemand(true);
  const choose = (model: string) => chooseModel({ model, precision: 'fp32' }, downloads);
  const models = [await choose(SAMPLE_MODEL), await choose(LLAVA_15_SAMPLE_MODEL)];
  await downloads.close();
  const planned: PlannedRun[] = [];
  const { together, runs, memory } = await timeModels(models, [{ batchSize: 1, promptTokens: 8, newTokens: 2 }], {
    device: { provider: 'cpu', index: 0 },
    threads: 1,
    warmup: 1,
    repetitions: 3,
    timePrefill: true,
    signal: new AbortController().signal,
    freeMemory: async () => 500e6, // enough for either, not for both
    onRun: (_done, _of, run) => planned.push(run),
  });
  assert.equal(together, false);
  const letters = planned.map(({ model, warmup }) => (warmup ? 'ab' : 'AB')[model]);
  assert.equal(letters.join(''), 'aAAbBBbBaA');
  const [first, second] = runs.map(([setting]) => setting!);
  assert.deepEqual([first!.length, second!.length], [3, 3]);
  for (const { decodeImageMs, visionMs, prefillMs, generateMs } of [...first!, ...second!]) {
    assert.ok(decodeImageMs > 0 && visionMs > 0 && prefillMs! > 0 && generateMs > 0);
  }
  const { ratio } = pairedSpeedRatio(first!, second!)!;
  assert.ok(ratio > 0 && Number.isFinite(ratio));
  const peaks = memory.map((own) => own!.hostBytes);
  assert.ok(
    peaks.every((bytes) => bytes > 50e6 && bytes < 2e9),
    peaks.join(),
  );
  assert.notEqual(peaks[0], peaks[1]); // of a process of its own
});

test("a model that cannot run is named, and the other's measurements are kept", async () => {
  const downloads = downloadsOnDemand(true);
  const whole = await chooseModel({ model: SAMPLE_MODEL, precision: 'fp32' }, downloads);
  await downloads.close();
  const broken = { ...whole, vision: { ...whole.vision, graph: 'nothing.onnx' } };
  const { runs, memory, failures } = await timeModels(
    [whole, broken],
    [{ batchSize: 1, promptTokens: 8, newTokens: 2 }],
    {
      device: { provider: 'cpu', index: 0 },
      threads: 1,
      warmup: 0,
      repetitions: 2,
      timePrefill: false,
      signal: new AbortController().signal,
      onRun: () => {},
    },
  );
  assert.deepEqual(
    runs.map(([setting]) => setting!.length),
    [2, 0],
  );
  assert.ok(memory[0] !== null && memory[1] === null);
  assert.equal(failures[0], null);
  assert.match(failures[1]!, /nothing\.onnx/);
});
