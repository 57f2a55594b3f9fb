import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { prepareInput } from '../../../src/model/images/prepare-image.js';
import { imageInput, openModel } from '../../../src/model/model-folder.js';
import sharp from '../../../src/shared/sharp.js';
import { fixture } from '../../fixtures.js';
import { maxError } from '../../npy.js';
import { madeUpCheckpoint, madeUpPicture } from '../made-up-checkpoint.js';
import { exportReference } from '../reference.js';

/** What transformers computed, see test/fixtures/family/make.py. */
interface Recorded {
  config: object;
  tensors: Record<string, number[]>;
  /** Resolution of the model. */
  side?: number;
  /** Of the picture; one square by default. */
  width?: number;
  height?: number;
  answers: { prompt: number[]; logits: number[]; tokens: number[]; margins: number[] }[];
}

const LOGIT_ERROR = 2e-3;
/** Distance of the two largest logits from which on the chosen token is compared. */
const ROBUST = 0.004;
const WAYS: { portable?: boolean; prefix?: 'computed' }[] = [{}, { portable: true }, { prefix: 'computed' }];

test('any of several tokens ends an answer', async () => {
  const recorded = JSON.parse(readFileSync(fixture('family', 'mistral.json'), 'utf8')) as Recorded;
  const { prompt, tokens } = recorded.answers[0]!;
  const folder = await madeUpCheckpoint(recorded.config, recorded.tensors);
  await writeFile(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: [2, tokens[3], 700] }));
  const model = await exportReference(folder, [56]);
  const visual = await model.encodePixels(madeUpPicture('mistral', 56, 56), 56);
  const generated = await model.generate([{ image: 0, prompts: [prompt] }], visual, 16, tokens.length);
  assert.deepEqual(generated.tokens[0]![0], tokens.slice(0, 4));
  const { eosTokenId, otherEosTokenIds } = model.manifest.architecture.language;
  assert.deepEqual([eosTokenId, otherEosTokenIds], [2, [tokens[3], 700]]);
});

/** Official names of the tensors that transformers saves. */
function officialName(name: string): string {
  return name
    .replace(/^language_model\.(lm_head|model)/, '$1')
    .replace(/^vision_tower/, 'model.vision_tower.vision_tower.vision_model')
    .replace(/^multi_modal_projector\.linear_1/, 'model.mm_projector.0')
    .replace(/^multi_modal_projector\.linear_2/, 'model.mm_projector.2')
    .replace(/^image_newline/, 'model.image_newline');
}

test('LLaVA-NeXT in the official layout gives the same', async () => {
  const recorded = JSON.parse(readFileSync(fixture('family', 'next.json'), 'utf8')) as Recorded;
  const { text_config, vision_config, image_grid_pinpoints } = recorded.config as Record<string, object>;
  const config = {
    ...text_config,
    ...{ vision_config, model_type: 'llava_mistral', mm_projector_type: 'mlp2x_gelu', mm_vision_select_layer: -2 },
    ...{ image_aspect_ratio: 'anyres', mm_patch_merge_type: 'spatial_unpad' },
    image_grid_pinpoints: (image_grid_pinpoints as [number, number][]).map(([height, width]) => [width, height]),
  };
  await checkAnswers('next', recorded, await madeUpCheckpoint(config, recorded.tensors, officialName), {});
});

for (const name of ['grouped-llama3-rope', 'mistral', 'mistral-window', 'clip-alone', 'next']) {
  const recorded = JSON.parse(readFileSync(fixture('family', `${name}.json`), 'utf8')) as Recorded;
  for (const options of WAYS) {
    test(`${name}, ${JSON.stringify(options)}: logits and greedy tokens equal transformers'`, async () => {
      await checkAnswers(name, recorded, await madeUpCheckpoint(recorded.config, recorded.tensors), options);
    });
  }
}

/** Asks a checkpoint the recorded prompts, one by one and together. */
async function checkAnswers(
  name: string,
  { answers, side = 56, width = side, height = side }: Recorded,
  checkpoint: string,
  options: (typeof WAYS)[number],
): Promise<void> {
  const model = await exportReference(checkpoint, [side], options);
  const { hiddenSize } = model.manifest.architecture.language;
  const png = await sharp(madeUpPicture(name, width, height), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  const { pixels, order } = await prepareInput(png, name, imageInput(await openModel(model.folder, side)));
  const visual = await model.encodePixels(pixels, side);
  const squareTokens = Math.floor(visual.length / hiddenSize / (pixels.length / (side * side * 3)));
  const rowOf = (prompts: number[][]) => [{ image: 0, prompts, order: order ?? undefined }];
  const together = rowOf(answers.map(({ prompt }) => prompt));
  for (const rows of [...answers.map(({ prompt }) => rowOf([prompt])), together]) {
    // Parts of the prefix, where it is computed run by run: none sees all of what is before it at once.
    const scoreBytes = rows === together ? 1000 : undefined;
    const steps = answers[0]!.tokens.length;
    const generated = await model.generate(rows, visual, squareTokens, steps, scoreBytes);
    rows[0]!.prompts.forEach((prompt, q) => {
      const { logits, tokens, margins } = answers.find((answer) => answer.prompt === prompt)!;
      const error = maxError(generated.firstLogits[0]![q]!, Float32Array.from(logits));
      assert.ok(error <= LOGIT_ERROR, `logits differ by ${error}`);
      const robust = margins.findIndex((margin) => margin < ROBUST);
      const compared = robust < 0 ? tokens : tokens.slice(0, robust);
      assert.deepEqual(generated.tokens[0]![q]!.slice(0, compared.length), compared);
    });
  }
}
