import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Checkpoint } from '../../../src/model/checkpoint/checkpoint.js';
import { openCheckpoint } from '../../../src/model/checkpoint/open-checkpoint.js';
import { toFloat32Values } from '../../../src/model/export/convert-elements.js';
import { loadTokenizer } from '../../../src/model/tokenizer/load-tokenizer.js';
import { UserError } from '../../../src/shared/errors.js';
import { fixture } from '../../fixtures.js';
import { type CraftedTensor, decodeSafetensors, encodeSafetensors } from './craft-safetensors.js';
import { changeJson, temporaryFolder } from './temporary-folder.js';

const WHOLE = fixture('reference', 'l15-mini');
const CLIP = fixture('reference', 'l15-mini-split', 'clip-mini');

interface Merged {
  sum: number;
  abs: number;
  at: [index: number, value: number][];
}

/** The LoRA checkpoint of the fixtures, and beside it the base model that it names: l15-mini without vision and projector. */
async function loraFolder(t: TestContext): Promise<{ lora: string; base: string }> {
  const parent = temporaryFolder(t);
  const [lora, base] = [join(parent, 'llava-lora'), join(parent, 'vicuna-mini')];
  cpSync(fixture('lora'), lora, { recursive: true });
  cpSync(join(WHOLE, 'config.json'), join(lora, 'config.json'));
  mkdirSync(base);
  for (const name of ['config.json', 'tokenizer.model', 'tokenizer_config.json']) {
    cpSync(join(WHOLE, name), join(base, name));
  }
  const all = await decodeSafetensors(join(WHOLE, 'model.safetensors'));
  const language = [...all].filter(([name]) => !/vision_tower|mm_projector/.test(name));
  writeFileSync(join(base, 'model.safetensors'), encodeSafetensors(new Map(language)));
  return { lora, base };
}

async function openFor(t: TestContext, folder: string, baseFolder?: string): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(folder, { clipFolder: CLIP, baseFolder });
  t.after(() => checkpoint.close());
  return checkpoint;
}

async function floats(checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  return toFloat32Values(await checkpoint.read(name), checkpoint.tensor(name).dtype);
}

test('merges a LoRA checkpoint of LLaVA into the base model beside it', async (t) => {
  const { lora, base } = await loraFolder(t);
  const checkpoint = await openFor(t, lora);
  const whole = await openCheckpoint(WHOLE);
  t.after(() => whole.close());
  assert.deepEqual(checkpoint.architecture, whole.architecture);

  const merged = JSON.parse(readFileSync(fixture('lora', 'merged.json'), 'utf8')) as Record<string, Merged>;
  for (const [name, { sum, abs, at }] of Object.entries(merged)) {
    assert.equal(checkpoint.tensor(name).dtype, 'F32');
    const values = await floats(checkpoint, name);
    for (const [index, value] of at) assert.ok(Math.abs(values[index]! - value) < 1e-7, `${name}[${index}]`);
    const total = (of: (value: number) => number) => values.reduce((before, value) => before + of(value), 0);
    assert.ok(Math.abs(total((value) => value) - sum) < 1e-4, name);
    assert.ok(Math.abs(total(Math.abs) - abs) < 1e-4, name);
    assert.notDeepEqual(values, await floats(whole, name));
  }
  const projector = 'model.mm_projector.2.weight';
  const expected = (await floats(whole, projector)).map((value) => value * 1.5);
  const found = await floats(checkpoint, projector);
  assert.ok(found.every((value, i) => Math.abs(value - expected[i]!) < 1e-4));
  const same = 'model.layers.1.self_attn.q_proj.weight';
  assert.deepEqual(await checkpoint.read(same), await whole.read(same));

  assert.equal(checkpoint.tokenizerFolder, base);
  assert.equal((await loadTokenizer(checkpoint.tokenizerFolder)).size, 768);
  for (const file of ['adapter_config.json', 'adapter_model.safetensors', 'non_lora_trainables.bin', 'config.json']) {
    assert.ok(checkpoint.files.includes(join(lora, file)), file);
  }
  for (const file of ['model.safetensors', 'tokenizer.model'])
    assert.ok(checkpoint.files.includes(join(base, file)), file);
});

test('a PEFT adapter without a model config is merged into a complete model', async (t) => {
  const { lora } = await loraFolder(t);
  rmSync(join(lora, 'config.json'));
  rmSync(join(lora, 'non_lora_trainables.bin'));
  const checkpoint = await openCheckpoint(lora, { baseFolder: WHOLE });
  t.after(() => checkpoint.close());
  const [name, { at }] = Object.entries(
    JSON.parse(readFileSync(fixture('lora', 'merged.json'), 'utf8')) as Record<string, Merged>,
  )[0]!;
  const values = await floats(checkpoint, name);
  for (const [index, value] of at) assert.ok(Math.abs(values[index]! - value) < 1e-7);
});

test('the scale of rank-stabilised LoRA is alpha / sqrt(r)', async (t) => {
  const { lora } = await loraFolder(t);
  changeJson(join(lora, 'adapter_config.json'), (config) => ({ ...config, lora_alpha: 5, use_rslora: true })); // 5 / 2 = 10 / 4
  const checkpoint = await openFor(t, lora);
  const [name, { at }] = Object.entries(
    JSON.parse(readFileSync(fixture('lora', 'merged.json'), 'utf8')) as Record<string, Merged>,
  )[0]!;
  const values = await floats(checkpoint, name);
  for (const [index, value] of at) assert.ok(Math.abs(values[index]! - value) < 1e-7);
});

test('a checkpoint with only a projector is combined with the base model', async (t) => {
  const { lora, base } = await loraFolder(t);
  for (const file of ['adapter_config.json', 'adapter_model.safetensors']) rmSync(join(lora, file));
  cpSync(join(lora, 'non_lora_trainables.bin'), join(lora, 'mm_projector.bin'));
  rmSync(join(lora, 'non_lora_trainables.bin'));
  await assert.rejects(
    openCheckpoint(lora, { clipFolder: CLIP }),
    /is the projector of a pretraining stage alone, without its base model\. Download .* --base <folder>/,
  );
  const checkpoint = await openFor(t, lora, base);
  assert.equal(checkpoint.tensor('model.mm_projector.0.weight').file, join(lora, 'mm_projector.bin'));
});

const zeros = (shape: number[]): CraftedTensor => ({
  dtype: 'F16',
  shape,
  bytes: new Uint8Array(2 * shape.reduce((product, side) => product * side, 1)),
});
const Q = 'base_model.model.model.layers.0.self_attn.q_proj';
const config = (changes: object) => (lora: string) =>
  changeJson(join(lora, 'adapter_config.json'), (before) => ({ ...before, ...changes }));
const adapter = (tensors: Record<string, CraftedTensor>) => (lora: string) =>
  writeFileSync(join(lora, 'adapter_model.safetensors'), encodeSafetensors(new Map(Object.entries(tensors))));

const refused: Record<string, { change: (lora: string) => void; says: RegExp }> = {
  'without a base model': {
    change: config({ base_model_name_or_path: 'someone/elsewhere' }),
    says: /is a LoRA adapter, without its base model\. Download someone\/elsewhere and give its folder with --base <folder>, or put it at .*elsewhere\.$/,
  },
  'of another kind': { change: config({ peft_type: 'IA3' }), says: /peft_type is "IA3", .*merge_and_unload/ },
  'with DoRA': { change: config({ use_dora: true }), says: /use_dora is true, which is not supported/ },
  'with a pattern of alphas': { change: config({ alpha_pattern: { q_proj: 3 } }), says: /alpha_pattern is/ },
  'with a rank that is a text': { change: config({ lora_alpha: '16' }), says: /lora_alpha must be a positive number/ },
  'with one factor': {
    change: adapter({ [`${Q}.lora_A.weight`]: zeros([4, 96]) }),
    says: /one of two factors is missing/,
  },
  'of another size': {
    change: adapter({ [`${Q}.lora_A.weight`]: zeros([4, 128]), [`${Q}.lora_B.weight`]: zeros([128, 4]) }),
    says: /factors of model\.layers\.0\.self_attn\.q_proj\.weight have shapes \[4, 128\] and \[128, 4\]/,
  },
  'of another model': {
    change: adapter({
      'base_model.model.h.0.lora_A.weight': zeros([4, 96]),
      'base_model.model.h.0.lora_B.weight': zeros([96, 4]),
    }),
    says: /changes h\.0\.weight, which .*vicuna-mini does not contain/,
  },
  'with embeddings': {
    change: adapter({ 'base_model.model.model.embed_tokens.lora_embedding_A': zeros([4, 768]) }),
    says: /lora_embedding_A is not supported/,
  },
  'that is missing': {
    change: (lora) => rmSync(join(lora, 'adapter_model.safetensors')),
    says: /Download the adapter completely/,
  },
  'beside a whole model': {
    change: (lora) => cpSync(join(WHOLE, 'model.safetensors'), join(lora, 'model.safetensors')),
    says: /contains a whole model and beside it a LoRA adapter/,
  },
};

for (const [what, { change, says }] of Object.entries(refused)) {
  test(`refuses an adapter ${what}`, async (t) => {
    const { lora } = await loraFolder(t);
    change(lora);
    await assert.rejects(openCheckpoint(lora, { clipFolder: CLIP }), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, says);
      return true;
    });
  });
}

test('a base model given for a complete checkpoint is a usage error', async () => {
  const opened = openCheckpoint(WHOLE, { baseFolder: WHOLE });
  await assert.rejects(opened, (error) => error instanceof UserError && error.exitCode === 2);
});
