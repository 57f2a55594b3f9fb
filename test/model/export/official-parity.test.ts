import assert from 'node:assert/strict';
import test from 'node:test';
import { fixture } from '../../fixtures.js';
import { maxError, readNpy } from '../../npy.js';
import { exportReference, readGoldens } from '../reference.js';

/** Tolerances against the official code in fp32; its own noise floor against fp64 is 1e-6 and 5e-5. */
const FEATURE_ERROR = 1e-4;
const LOGIT_ERROR = 2e-3;

const CHECKPOINTS: { name: string; goldens: string; sizes: number[]; portable?: boolean }[] = [
  { name: 'hr-mini', goldens: 'hr-mini', sizes: [128, 256, 512] },
  { name: 'hr-mini-bin', goldens: 'hr-mini', sizes: [256] },
  { name: 'hr-mini-sharded-bf16', goldens: 'hr-mini-sharded-bf16', sizes: [256] },
  { name: 'hr-mini', goldens: 'hr-mini', sizes: [128, 256], portable: true },
  { name: 'l15-mini', goldens: 'l15-mini', sizes: [112] },
  { name: 'l15-mini', goldens: 'l15-mini', sizes: [112], portable: true },
  { name: 'l15-mini-split', goldens: 'l15-mini', sizes: [112] },
];

/** RMS difference from the official logits relative to the RMS logit, with quantised weights. */
const QUANTISED_LOGIT_ERROR = { int8: 0.1 };
/** The same of the visual tokens. */
const QUANTISED_FEATURE_ERROR = { int8: 0.05 };
const SIZES = { 'hr-mini': 256, 'l15-mini': 112 };
const QUANTISED = [
  { name: 'hr-mini', precision: 'int8' },
  { name: 'l15-mini', precision: 'int8' },
] as const;

for (const { name, goldens, sizes, portable } of CHECKPOINTS) {
  test(`${name}${portable ? ', portable graphs' : ''}: visual tokens, logits and greedy tokens equal the official code's`, async (t) => {
    const { entries, prompt_ids } = readGoldens(goldens);
    const model = await exportReference(name, sizes, { portable });
    const { vocabSize, hiddenSize } = model.manifest.architecture.language;
    for (const entry of entries.filter(({ size }) => sizes.includes(size))) {
      await t.test(`${entry.image} at ${entry.size}`, async () => {
        const visual = await model.encodeImage(entry.image, entry.size);
        if (entry.features) {
          const expected = readNpy(fixture('reference', 'goldens', goldens, entry.features));
          assert.deepEqual(expected.shape, [visual.length / hiddenSize, hiddenSize]);
          const error = maxError(visual, expected.data);
          assert.ok(error <= FEATURE_ERROR, `visual tokens differ by ${error}`);
        }
        const logits = readNpy(fixture('reference', 'goldens', goldens, entry.logits)).data;
        for (const { prompt, ids, robust_tokens } of entry.greedy) {
          const rows = [{ image: 0, prompts: [prompt_ids[prompt]!] }];
          const generated = await model.generate(rows, visual, visual.length / hiddenSize, ids.length);
          const expected = logits.subarray(prompt * vocabSize, (prompt + 1) * vocabSize);
          const error = maxError(generated.firstLogits[0]![0]!, expected);
          assert.ok(error <= LOGIT_ERROR, `prompt ${prompt}: logits differ by ${error}`);
          const robust = untilEnd(ids.slice(0, robust_tokens));
          assert.deepEqual(generated.tokens[0]![0]!.slice(0, robust.length), robust, `prompt ${prompt}`);
        }
      });
    }
  });
}

for (const { name, precision } of QUANTISED) {
  test(`${name} in ${precision}: visual tokens equal the official code's, logits approximately`, async () => {
    const { entries, prompt_ids } = readGoldens(name);
    const size = SIZES[name];
    const model = await exportReference(name, [size], { precision });
    const { vocabSize, hiddenSize } = model.manifest.architecture.language;
    let squares = 0;
    let errorSquares = 0;
    for (const entry of entries.filter((one) => one.size === size).slice(0, 3)) {
      const visual = await model.encodeImage(entry.image, size);
      if (entry.features) {
        const expected = readNpy(fixture('reference', 'goldens', name, entry.features)).data;
        const error = rootMeanSquare(visual.map((value, i) => value - expected[i]!)) / rootMeanSquare(expected);
        assert.ok(error <= QUANTISED_FEATURE_ERROR[precision], `visual tokens differ by ${error} of their RMS`);
      }
      const logits = readNpy(fixture('reference', 'goldens', name, entry.logits)).data;
      for (const [prompt, ids] of prompt_ids.entries()) {
        const rows = [{ image: 0, prompts: [ids] }];
        const generated = await model.generate(rows, visual, visual.length / hiddenSize, 1);
        for (let token = 0; token < vocabSize; token++) {
          const expected = logits[prompt * vocabSize + token]!;
          squares += expected ** 2;
          errorSquares += (generated.firstLogits[0]![0]![token]! - expected) ** 2;
        }
      }
    }
    const error = Math.sqrt(errorSquares / squares);
    assert.ok(error <= QUANTISED_LOGIT_ERROR[precision], `logits differ by ${error} of their RMS`);
  });
}

/** Cuts recorded ids after the end of sequence, where the generation loop stops. */
function untilEnd(ids: number[]): number[] {
  const end = ids.indexOf(2);
  return end < 0 ? ids : ids.slice(0, end + 1);
}

function rootMeanSquare(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value ** 2, 0) / values.length);
}
