import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test, { after } from 'node:test';
import { exportModel } from '../../src/model/export/export-model.js';
import { prepareImage } from '../../src/model/images/prepare-image.js';
import { startInference } from '../../src/model/inference/inference.js';
import { openModel } from '../../src/model/model-folder.js';
import { answerText, buildPrompt, tokenizePrompt } from '../../src/model/prompt.js';
import { loadTokenizer } from '../../src/model/tokenizer/load-tokenizer.js';
import { fixture, projectRoot } from '../fixtures.js';
import { maxError, readNpy } from '../npy.js';

/** A row of golden.json: what sample/make/golden.py computed in PyTorch fp32 from the embedded weights. */
interface Golden {
  model: string;
  size: number;
  benchmark: string;
  image: string | null;
  question: string;
  ids: number[];
  text: string;
  /** .npy files of the projected image tokens, for a few rows. */
  arrays?: { tokens?: string };
}

const goldens = JSON.parse(await readFile(fixture('sample-goldens', 'golden.json'), 'utf8')) as Golden[];
const folder = await mkdtemp(join(tmpdir(), 'llavahr-goldens-'));
after(() => rm(folder, { recursive: true }));

/** `agreeing` is how many of the 24 answers must equal those of PyTorch in fp32. */
for (const { name, size, precision, agreeing } of [
  { name: 'llava-hr-tiny', size: 128, precision: 'fp32', agreeing: 24 },
  { name: 'llava-hr-tiny', size: 256, precision: 'fp32', agreeing: 24 },
  { name: 'llava-hr-tiny', size: 384, precision: 'fp32', agreeing: 24 },
  { name: 'llava-1.5-tiny', size: 112, precision: 'fp32', agreeing: 24 },
  { name: 'llava-hr-tiny', size: 256, precision: 'int8', agreeing: 23 },
  { name: 'llava-hr-tiny', size: 256, precision: 'int4', agreeing: 20 },
] as const) {
  test(`${name} at ${size} px in ${precision}: prompt ids, visual tokens and ${agreeing} answers equal PyTorch's`, async (t) => {
    const rows = goldens.filter((row) => row.model === name && row.size === size);
    assert.equal(rows.length, 24);
    const output = join(folder, `${name}-${precision}`);
    const checkpoint = join(projectRoot, 'sample', 'models', name);
    await exportModel(checkpoint, { output, resolutions: [size], precision });
    const model = await openModel(output, size);
    const tokenizer = await loadTokenizer(output);
    const inference = await startInference(model, { provider: 'cpu', index: 0 });
    t.after(inference.close);
    const different: string[] = [];
    for (const { image, question, ids, text, arrays, benchmark } of rows) {
      const prompt = tokenizePrompt(tokenizer, buildPrompt(question, { image: image !== null }));
      assert.deepEqual(prompt, ids);
      let pixels = new Uint8Array();
      if (image !== null) {
        const path = join(projectRoot, 'sample', 'benchmarks', image.replace(/^[^/]+\//, ''));
        pixels = Uint8Array.from(await prepareImage(await readFile(path), basename(path), size, 'pad'));
      }
      const prompts = [{ image: image === null ? null : 0, prompts: [prompt] }];
      const result = await inference.run({
        pixels,
        rows: prompts,
        maxNewTokens: 40,
        timePrefill: false,
        keepVisual: true,
      });
      const answer = answerText(tokenizer, result.tokens[0]![0]!);
      if (answer !== text) different.push(`${benchmark}: ${question} ${answer} instead of ${text}`);
      if (arrays?.tokens) {
        const expected = readNpy(fixture('sample-goldens', arrays.tokens)).data;
        if (precision === 'int8') {
          // The towers are quantised too: relative to the root mean square of the values.
          const error = relativeError(result.visual, expected);
          assert.ok(error < 0.05, `visual tokens differ by ${error}`);
        } else {
          const error = maxError(result.visual, expected);
          assert.ok(error < 1e-4, `visual tokens differ by ${error}`);
        }
      }
      if (image === null) {
        const longer = { pixels: new Uint8Array(), rows: prompts, maxNewTokens: 40, minSteps: 25, timePrefill: false };
        const goneOn = await inference.run(longer);
        assert.deepEqual(goneOn.tokens, result.tokens, 'steps after the end change no answer');
        assert.ok(result.steps < 25);
        assert.equal(goneOn.steps, 25);
      }
    }
    assert.ok(rows.length - different.length >= agreeing, different.join('\n'));
  });
}

/** Root mean square of the difference over that of the expected values. */
function relativeError(actual: Float32Array, expected: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}
