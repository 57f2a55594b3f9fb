import assert from 'node:assert/strict';
import { cp, rename, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Checkpoint } from '../../../src/model/checkpoint/checkpoint.js';
import { type OpenCheckpointOptions, openCheckpoint } from '../../../src/model/checkpoint/open-checkpoint.js';
import { requiredTensors } from '../../../src/model/checkpoint/required-tensors.js';
import { UserError } from '../../../src/shared/errors.js';
import { fixture } from '../../fixtures.js';
import { type CraftedTensor, decodeSafetensors, encodeSafetensors } from './craft-safetensors.js';
import { checkpointWith, temporaryFolder } from './temporary-folder.js';

async function openFor(t: TestContext, folder: string, options?: OpenCheckpointOptions): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(folder, options);
  t.after(() => checkpoint.close());
  return checkpoint;
}

const reference = (t: TestContext, name: string) => openFor(t, fixture('reference', name));

/** A copy of a reference checkpoint with changed tensors. */
async function withTensors(
  t: TestContext,
  name: string,
  change: (tensors: Map<string, CraftedTensor>) => Iterable<[string, CraftedTensor]>,
  config: Record<string, unknown> = {},
): Promise<string> {
  const folder = checkpointWith(t, name, config);
  const file = join(folder, 'model.safetensors');
  await writeFile(file, encodeSafetensors(new Map(change(await decodeSafetensors(file)))));
  return folder;
}

/** Checks that all tensors the model uses have the same bytes in both. */
async function assertSameTensors(a: Checkpoint, b: Checkpoint): Promise<void> {
  assert.deepEqual(a.architecture, b.architecture);
  for (const name of requiredTensors(a.architecture).keys()) {
    assert.equal(a.tensor(name).name, name);
    assert.deepEqual(a.tensor(name).shape, b.tensor(name).shape);
    assert.equal(a.tensor(name).dtype, b.tensor(name).dtype);
    assert.ok(Buffer.from(await a.read(name)).equals(await b.read(name)), name);
  }
}

/** Values of an F16, BF16 or F32 tensor. */
async function values(checkpoint: Checkpoint, name: string): Promise<number[]> {
  const bytes = await checkpoint.read(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (checkpoint.tensor(name).dtype) {
    case 'F32':
      return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
    case 'BF16':
      return Array.from({ length: bytes.length / 2 }, (_, i) => bfloat16(view.getUint16(2 * i, true)));
    default:
      return Array.from({ length: bytes.length / 2 }, (_, i) => float16(view.getUint16(2 * i, true)));
  }
}

function bfloat16(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}

function float16(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

const filesOf = ({ files, folder }: Checkpoint) => files.map((file) => relative(folder, file)).sort();

test('safetensors and torch shards of LLaVA-HR give the same bytes', async (t) => {
  const [safetensors, torch] = [await reference(t, 'hr-mini'), await reference(t, 'hr-mini-bin')];
  assert.equal(safetensors.layout, 'llava-hr');
  assert.deepEqual(safetensors.architecture, {
    family: 'llava-hr',
    language: {
      layers: 3,
      hiddenSize: 128,
      heads: 4,
      intermediateSize: 256,
      vocabSize: 768,
      rmsNormEps: 1e-5,
      ropeTheta: 10000,
      ropeScale: 1,
      maxPositions: 4096,
      eosTokenId: 2,
    },
    clip: {
      layers: 8,
      usedLayers: 8,
      hiddenSize: 64,
      heads: 4,
      intermediateSize: 128,
      patchSize: 14,
      imageSize: 112,
      layerNormEps: 1e-5,
      activation: 'quick_gelu',
    },
    convnext: { depths: [2, 2, 3, 2], dims: [16, 32, 64, 128], layerNormEps: 1e-6 },
    stageAdapters: true,
    projector: { layers: 2, inputSize: 64 },
    inputImageSize: 256,
    imageAspect: 'pad',
  });
  await assertSameTensors(safetensors, torch);
  assert.deepEqual(filesOf(torch), [
    'config.json',
    'generation_config.json',
    'pytorch_model-00001-of-00003.bin',
    'pytorch_model-00002-of-00003.bin',
    'pytorch_model-00003-of-00003.bin',
    'pytorch_model.bin.index.json',
    'special_tokens_map.json',
    'tokenizer.model',
    'tokenizer_config.json',
  ]);
  // 9 of head, post_layernorm and class_embedding; the torch shards also contain inv_freq and position_ids
  assert.match(
    safetensors.notes.join('\n'),
    /^Ignored 9 tensors that the model never uses: .*class_embedding.* and 6 more\.$/,
  );
  assert.match(torch.notes.join('\n'), /^Ignored 13 tensors that the model never uses: [^\n]*$/);
});

test('bfloat16 shards hold the same values, rounded', async (t) => {
  const [half, brain] = [await reference(t, 'hr-mini'), await reference(t, 'hr-mini-sharded-bf16')];
  assert.deepEqual(brain.architecture, half.architecture);
  for (const name of requiredTensors(half.architecture).keys()) {
    assert.equal(brain.tensor(name).dtype, 'BF16');
    const [expected, found] = [await values(half, name), await values(brain, name)];
    assert.equal(found.length, expected.length);
    const far = found.findIndex((value, i) => Math.abs(value - expected[i]!) > Math.abs(expected[i]!) * 2 ** -8);
    assert.equal(far, -1, `${name}[${far}]`);
  }
});

test('LLaVA-1.5 with its CLIP tower inside the checkpoint or in a separate folder', async (t) => {
  const [whole, split] = [await reference(t, 'l15-mini'), await reference(t, 'l15-mini-split')];
  assert.equal(whole.layout, 'llava-1.5');
  assert.deepEqual(split.architecture, whole.architecture);
  assert.equal(whole.architecture.clip.usedLayers, 5);
  for (const name of requiredTensors(whole.architecture).keys()) {
    assert.deepEqual(await values(split, name), await values(whole, name), name);
  }
  assert.equal(split.tensor('model.vision_tower.vision_tower.vision_model.pre_layrnorm.weight').dtype, 'F32');
  assert.deepEqual(
    split.notes[0],
    `The CLIP tower is read from ${fixture('reference', 'l15-mini-split', 'clip-mini')}.`,
  );
  assert.deepEqual(
    filesOf(split).filter((file) => file.startsWith('clip-mini')),
    ['clip-mini/config.json', 'clip-mini/preprocessor_config.json', 'clip-mini/pytorch_model.bin'],
  );
});

test('finds the CLIP folder by option, inside the checkpoint or next to it; the error for a missing one says what to do', async (t) => {
  const folder = checkpointWith(t, 'l15-mini-split', {
    mm_vision_tower: 'someone/clip-tower-x',
    vision_config: undefined,
  });
  await assert.rejects(openCheckpoint(folder), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /does not contain a CLIP vision tower; .*mm_vision_tower is "someone\/clip-tower-x"/);
    assert.match(
      error.message,
      /Download someone\/clip-tower-x .*--clip-tower <folder>, or put it at .*\/clip-tower-x\.$/,
    );
    return true;
  });
  await openFor(t, folder, { clipFolder: join(folder, 'clip-mini') });
  await rename(join(folder, 'clip-mini'), join(folder, 'clip-tower-x'));
  await openFor(t, folder);
  await rename(join(folder, 'clip-tower-x'), join(folder, '..', 'clip-tower-x'));
  await openFor(t, folder);
});

test('a config cannot make us read outside the folder', async (t) => {
  const outside = join(temporaryFolder(t), 'elsewhere');
  await cp(fixture('reference', 'l15-mini-split', 'clip-mini'), outside, { recursive: true });
  for (const tower of [outside, '..', '.', '../..', '']) {
    const folder = checkpointWith(t, 'l15-mini-split', { mm_vision_tower: tower });
    await assert.rejects(openCheckpoint(folder), /does not contain a CLIP vision tower/, tower);
  }
});

test('a CLIP folder next to a checkpoint provides the config of the tower inside it', async (t) => {
  const folder = checkpointWith(t, 'l15-mini', { mm_vision_tower: 'a/clip-mini', vision_config: undefined });
  await assert.rejects(openCheckpoint(folder), /"a\/clip-mini", an unknown vision tower/);
  await cp(fixture('reference', 'l15-mini-split', 'clip-mini'), join(folder, '..', 'clip-mini'), { recursive: true });
  const checkpoint = await openFor(t, folder);
  assert.deepEqual(checkpoint.architecture, (await reference(t, 'l15-mini')).architecture);
});

test('refuses --clip-tower for a checkpoint with its own tower', async () => {
  const clipFolder = fixture('reference', 'l15-mini-split', 'clip-mini');
  const opened = openCheckpoint(fixture('reference', 'l15-mini'), { clipFolder });
  await assert.rejects(opened, (error) => error instanceof UserError && error.exitCode === 2);
});

test('refuses a CLIP folder with something else in it', async () => {
  const clipFolder = fixture('reference', 'hr-mini');
  const opened = openCheckpoint(fixture('reference', 'l15-mini-split'), { clipFolder });
  await assert.rejects(
    opened,
    new UserError(`${clipFolder} is not a CLIP checkpoint: it has no tensors named "vision_model...".`),
  );
});

/** llava-hf's config of l15-mini, and its names before and since transformers 4.52. */
const HF_CONFIG = {
  model_type: 'llava',
  text_config: { model_type: 'llama', num_attention_heads: 4, max_position_embeddings: 4096, rms_norm_eps: 1e-5 },
  mm_vision_tower: undefined,
  mm_projector_type: undefined,
  mm_vision_select_layer: undefined,
  image_aspect_ratio: undefined,
};
const olderName = (name: string) =>
  name
    .replace(/^lm_head/, 'language_model.lm_head')
    .replace(/^model\.vision_tower\.vision_tower/, 'vision_tower')
    .replace(/^model\.mm_projector\.0/, 'multi_modal_projector.linear_1')
    .replace(/^model\.mm_projector\.2/, 'multi_modal_projector.linear_2')
    .replace(/^model\./, 'language_model.model.');
const newerName = (name: string) =>
  olderName(name)
    .replace(/^language_model\.lm_head/, 'lm_head')
    .replace(/^(vision_tower|multi_modal_projector)/, 'model.$1')
    .replace(/^language_model\.model/, 'model.language_model');

for (const [age, rename] of Object.entries({ older: olderName, newer: newerName })) {
  test(`llava-hf with ${age} names`, async (t) => {
    const folder = await withTensors(t, 'l15-mini', (all) => [...all].map(([name, x]) => [rename(name), x]), HF_CONFIG);
    const checkpoint = await openFor(t, folder);
    assert.equal(checkpoint.layout, 'llava-hf');
    await assertSameTensors(checkpoint, await reference(t, 'l15-mini'));
    assert.equal(checkpoint.notes.length, 1); // only the unused tensors

    const stored = rename('model.layers.1.mlp.up_proj.weight');
    const hole = await withTensors(
      t,
      'l15-mini',
      (all) =>
        [...all].map(([name, x]): [string, CraftedTensor] => [rename(name), x]).filter(([name]) => name !== stored),
      HF_CONFIG,
    );
    await assert.rejects(openCheckpoint(hole), (error) => {
      assert.ok(error instanceof UserError);
      const missing = `1 tensor missing from the weights: model.layers.1.mlp.up_proj.weight (in the files: ${stored}).`;
      assert.ok(error.message.endsWith(missing), error.message);
      return true;
    });
  });
}

test("llava-hf's preprocessor_config.json must be CLIP's", async (t) => {
  const folder = await withTensors(
    t,
    'l15-mini',
    (all) => [...all].map(([name, x]) => [olderName(name), x]),
    HF_CONFIG,
  );
  const path = join(folder, 'preprocessor_config.json');
  const own = { image_mean: [0.48145466, 0.4578275, 0.40821073], rescale_factor: 0.00392156862745098, resample: 3 };
  await writeFile(path, JSON.stringify(own));
  await openFor(t, folder);
  for (const change of [
    { image_mean: [0.5, 0.5, 0.5] },
    { image_std: [0.5] },
    { resample: 2 },
    { rescale_factor: 1 },
  ]) {
    await writeFile(path, JSON.stringify({ ...own, ...change }));
    const says = new RegExp(
      `preprocessor_config\\.json: ${Object.keys(change)[0]} is .*, which is not supported: only CLIP's`,
    );
    await assert.rejects(openCheckpoint(folder), says);
  }
});

test('layer scales may be named gamma, and a linear projector has no index', async (t) => {
  const gamma = await withTensors(t, 'hr-mini', (all) =>
    [...all].map(([name, x]) => [name.replace(/(blocks\.\d+)\.weight$/, '$1.gamma'), x]),
  );
  await assertSameTensors(await openFor(t, gamma), await reference(t, 'hr-mini'));

  const linear = await withTensors(
    t,
    'l15-mini',
    (all) =>
      [...all]
        .filter(([name]) => !name.startsWith('model.mm_projector.2'))
        .map(([name, x]) => [name.replace('mm_projector.0', 'mm_projector'), x]),
    { mm_projector_type: 'linear' },
  );
  const checkpoint = await openFor(t, linear);
  assert.deepEqual(checkpoint.architecture.projector, { layers: 1, inputSize: 64 });
  assert.deepEqual(checkpoint.tensor('model.mm_projector.0.weight').shape, [96, 64]);
});

test('a tied LM head is the embedding', async (t) => {
  const change = (all: Map<string, CraftedTensor>) => [...all].filter(([name]) => name !== 'lm_head.weight');
  const checkpoint = await openFor(t, await withTensors(t, 'l15-mini', change, { tie_word_embeddings: true }));
  const [head, embedding] = ['lm_head.weight', 'model.embed_tokens.weight'];
  assert.deepEqual(await checkpoint.read(head), await checkpoint.read(embedding));
  assert.equal(checkpoint.tensor(head).name, head);
  await assert.rejects(
    openCheckpoint(await withTensors(t, 'l15-mini', change)),
    /missing from the weights: lm_head\.weight\.$/,
  );
});

test('unexpected tensors are noted', async (t) => {
  const extra = { dtype: 'I64', shape: [1], bytes: new Uint8Array(8) };
  const folder = await withTensors(t, 'l15-mini', (all) => [...all, ['model.image_newline', extra]]);
  const { warnings } = await openFor(t, folder);
  assert.deepEqual(warnings, ['Ignored 1 tensor with unknown names: model.image_newline.']);
});

test('an LM head in the file is used even if the config ties it to the embedding, with a note', async (t) => {
  const folder = await withTensors(t, 'l15-mini', (all) => all, { tie_word_embeddings: true });
  const checkpoint = await openFor(t, folder);
  const [head, original] = [await checkpoint.read('lm_head.weight'), await reference(t, 'l15-mini')];
  assert.deepEqual(head, await original.read('lm_head.weight'));
  assert.match(
    checkpoint.warnings.join(),
    /^tie_word_embeddings is true, but lm_head\.weight differs from the embedding/,
  );

  const same = await withTensors(
    t,
    'l15-mini',
    (all) => all.set('lm_head.weight', all.get('model.embed_tokens.weight')!),
    { tie_word_embeddings: true },
  );
  assert.deepEqual((await openFor(t, same)).warnings, []);
});

const O_PROJ = 'model.layers.1.self_attn.o_proj.weight';
const refused: Record<
  string,
  { change: (all: Map<string, CraftedTensor>) => Iterable<[string, CraftedTensor]>; says: RegExp }
> = {
  'many missing tensors': {
    change: (all) => [...all].filter(([name]) => !/^model\.layers\.[12]\./.test(name) || name.includes('input')),
    says: /\d+ tensors missing from the weights: .* and \d+ more\.$/,
  },
  'no embedding': {
    change: (all) => [...all].filter(([name]) => name !== 'model.embed_tokens.weight'),
    says: /tensor model\.embed_tokens\.weight is missing/,
  },
  'a wrong shape': {
    change: (all) => all.set(O_PROJ, { ...all.get(O_PROJ)!, shape: [48, 192] }),
    says: /model\.safetensors: tensor model\.layers\.1\.self_attn\.o_proj\.weight has shape \[48, 192\], but the model needs \[96, 96\]/,
  },
  'a tensor left empty by ZeRO-3': {
    change: (all) => all.set('model.embed_tokens.weight', { dtype: 'F16', shape: [0], bytes: new Uint8Array() }),
    says: /model\.embed_tokens\.weight has shape \[0\], expected 2 axes/,
  },
  'an unexpected dtype': {
    change: (all) => all.set(O_PROJ, { ...all.get(O_PROJ)!, dtype: 'I16' }),
    says: /o_proj\.weight is of type I16, neither F32, F16 nor BF16\. Quantised checkpoints are not supported/,
  },
  'double precision': {
    change: (all) => all.set(O_PROJ, { dtype: 'F64', shape: [96, 96], bytes: new Uint8Array(8 * 96 * 96) }),
    says: /o_proj\.weight is of type F64, .* Save the model in one of these/,
  },
  'a layer emptied by ZeRO-3': {
    change: (all) => all.set(O_PROJ, { dtype: 'F16', shape: [0], bytes: new Uint8Array() }),
    says: /o_proj\.weight is empty: DeepSpeed ZeRO-3 .*zero_to_fp32\.py/,
  },
  'LoRA tensors beside the weights': {
    change: (all) =>
      all.set('model.layers.0.self_attn.q_proj.lora_A.weight', {
        dtype: 'F16',
        shape: [1, 96],
        bytes: new Uint8Array(192),
      }),
    says: /holds 1 tensors? of a LoRA adapter that was not merged .*merge_and_unload/,
  },
  'the bias of an attention': {
    change: (all) =>
      all.set('model.layers.0.self_attn.q_proj.bias', { dtype: 'F16', shape: [96], bytes: new Uint8Array(192) }),
    says: /hold 1 tensor in modules that the model computes with, .*: model\.layers\.0\.self_attn\.q_proj\.bias/,
  },
  'weights of AWQ': {
    change: (all) =>
      all.set('model.layers.0.self_attn.q_proj.qweight', { dtype: 'I32', shape: [1], bytes: new Uint8Array(4) }),
    says: /holds model\.layers\.0\.self_attn\.q_proj\.qweight: the weights are quantised .*--precision int4/,
  },
  'no projector': {
    change: (all) => [...all].filter(([name]) => !name.includes('mm_projector')),
    says: /model_type is "llava_llama", and the weights have no vision-language projector/,
  },
};

for (const [what, { change, says }] of Object.entries(refused)) {
  test(`refuses ${what}`, async (t) => {
    const folder = await withTensors(t, 'l15-mini', change);
    await assert.rejects(openCheckpoint(folder), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, says);
      return true;
    });
  });
}

test('refuses two names of one tensor', async (t) => {
  const folder = await withTensors(t, 'hr-mini', (all) => {
    const scale = 'model.vision_tower.slow_vision_tower.vision_tower.stages.0.blocks.0';
    return all.set(`${scale}.gamma`, all.get(`${scale}.weight`)!);
  });
  await assert.rejects(openCheckpoint(folder), /blocks\.0\.gamma and .*blocks\.0\.weight both map to the tensor/);
});

test('refuses a folder without config or with a broken one', async (t) => {
  const empty = temporaryFolder(t);
  await assert.rejects(openCheckpoint(empty), /is not a checkpoint: it has no config\.json\.$/);
  await assert.rejects(openCheckpoint(join(empty, 'nothing')), /config\.json cannot be read: there is no such file/);
  const folder = checkpointWith(t, 'l15-mini', {});
  await writeFile(join(folder, 'config.json'), '[]');
  await assert.rejects(openCheckpoint(folder), /config\.json is not a JSON object/);
});

test('reading a tensor that does not exist', async (t) => {
  const checkpoint = await reference(t, 'l15-mini');
  const message = `${checkpoint.folder} has no tensor model.layers.3.input_layernorm.weight.`;
  assert.throws(() => checkpoint.tensor('model.layers.3.input_layernorm.weight'), new UserError(message));
  await assert.rejects(checkpoint.read('model.layers.3.input_layernorm.weight'), new UserError(message));
});

test('a shard that is truncated after it was opened', async (t) => {
  const folder = checkpointWith(t, 'l15-mini', {});
  const checkpoint = await openFor(t, folder);
  await writeFile(join(folder, 'model.safetensors'), '');
  await assert.rejects(checkpoint.read('lm_head.weight'), /was truncated while it was being read/);
});
