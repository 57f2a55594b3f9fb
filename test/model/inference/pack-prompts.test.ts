import assert from 'node:assert/strict';
import test from 'node:test';
import { packPrompts } from '../../../src/model/inference/pack-prompts.js';
import { IMAGE_TOKEN } from '../../../src/model/prompt.js';
import { maxError } from '../../npy.js';
import { exportReference, readGoldens } from '../reference.js';

const NEW_TOKENS = 12;

test('packing writes the shared prefix once and restarts positions for every question', () => {
  const packed = packPrompts(
    [
      {
        image: 0,
        prompts: [
          [1, 5, IMAGE_TOKEN, 7, 8],
          [1, 5, IMAGE_TOKEN, 9],
        ],
      },
      { image: null, prompts: [[1, 6]] },
    ],
    2,
  );
  assert.equal(packed.length, 7);
  assert.deepEqual(Array.from(packed.inputIds.subarray(0, 7), Number), [1, 5, -1, -2, 7, 8, 9]);
  assert.deepEqual(Array.from(packed.positions.subarray(0, 7), Number), [0, 1, 2, 3, 4, 5, 4]);
  assert.deepEqual(Array.from(packed.segments, Number), [0, 0, 0, 0, 1, 1, 2, 0, 1, -1, -1, -1, -1, -1]);
  assert.deepEqual(Array.from(packed.lastPositions, Number), [5, 6, 1, 0]);
  assert.deepEqual(Array.from(packed.questionSegments, Number), [1, 2, 1, -1]);
});

test('questions with a common prefix share it but keep at least one token each', () => {
  const packed = packPrompts(
    [
      {
        image: null,
        prompts: [
          [1, 2, 3],
          [1, 2, 3],
          [1, 2, 3, 4],
        ],
      },
    ],
    0,
  );
  assert.deepEqual(Array.from(packed.inputIds, Number), [1, 2, 3, 3, 3, 4]);
  assert.deepEqual(Array.from(packed.segments, Number), [0, 0, 1, 2, 3, 3]);
});

test('packed and batched questions give the same tokens and logits as single questions', async () => {
  const model = await exportReference('hr-mini', [256]);
  const { prompt_ids } = readGoldens('hr-mini');
  const { hiddenSize } = model.manifest.architecture.language;
  const images = ['s1_example_progressive.jpg', 's2_china_icc.jpg', 's6_hopper_cmyk.jpg'];
  const features = await Promise.all(images.map((image) => model.encodeImage(image, 256)));
  const visualTokens = features[0]!.length / hiddenSize;
  const promptsByImage = [[0, 1, 2], [2], [1, 0]].map((prompts) => prompts.map((p) => prompt_ids[p]!));

  const visual = new Float32Array(features.reduce((sum, { length }) => sum + length, 0));
  features.forEach((tokens, i) => {
    visual.set(tokens, i * tokens.length);
  });
  const rows = promptsByImage.map((prompts, image) => ({ image, prompts }));
  const batched = await model.generate(rows, visual, visualTokens, NEW_TOKENS);

  for (const [image, prompts] of promptsByImage.entries()) {
    for (const [question, prompt] of prompts.entries()) {
      const alone = await model.generate([{ image: 0, prompts: [prompt] }], features[image]!, visualTokens, NEW_TOKENS);
      assert.deepEqual(batched.tokens[image]![question], alone.tokens[0]![0], `image ${image}, question ${question}`);
      const error = maxError(batched.firstLogits[image]![question]!, alone.firstLogits[0]![0]!);
      assert.ok(error < 2e-4, `logits differ by ${error}`);
    }
  }
});
