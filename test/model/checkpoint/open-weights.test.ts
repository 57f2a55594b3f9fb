import assert from 'node:assert/strict';
import { cp, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { openWeights } from '../../../src/model/checkpoint/open-weights.js';
import { UserError } from '../../../src/shared/errors.js';
import { fixture } from '../../fixtures.js';
import { encodeSafetensors } from './craft-safetensors.js';
import { changeJson, temporaryFolder } from './temporary-folder.js';

const one = (name: string) =>
  encodeSafetensors(new Map([[name, { dtype: 'F16', shape: [1], bytes: Uint8Array.of(1, 2) }]]));

/** Two shards with a tensor each, and an index with changes. */
async function shards(t: TestContext, map: Record<string, unknown>): Promise<string> {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, '1.safetensors'), one('a'));
  await writeFile(join(folder, '2.safetensors'), one('b'));
  const index = { weight_map: { a: '1.safetensors', b: '2.safetensors', ...map } };
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  return folder;
}

test('opens every way of storing weights, with all their files', async (t) => {
  const expected: Record<string, string[]> = {
    'hr-mini': ['model.safetensors'],
    'hr-mini-sharded-bf16': [
      'model.safetensors.index.json',
      ...[1, 2, 3].map((n) => `model-0000${n}-of-00003.safetensors`),
    ],
    'hr-mini-bin': ['pytorch_model.bin.index.json', ...[1, 2, 3].map((n) => `pytorch_model-0000${n}-of-00003.bin`)],
    'l15-mini-split/clip-mini': ['pytorch_model.bin'],
  };
  for (const [name, files] of Object.entries(expected)) {
    const weights = await openWeights(fixture('reference', name));
    t.after(() => weights.close());
    assert.deepEqual(weights.files.map((file) => basename(file)).sort(), files.sort());
    assert.ok(weights.tensors.size > 50);
  }
});

test('prefers safetensors', async (t) => {
  const folder = join(temporaryFolder(t), 'both');
  await cp(fixture('reference', 'hr-mini-bin'), folder, { recursive: true });
  await writeFile(join(folder, 'model.safetensors'), one('a'));
  const weights = await openWeights(folder);
  t.after(() => weights.close());
  assert.deepEqual([...weights.tensors.keys()], ['a']);
});

test('a shard may contain tensors that the index does not list', async (t) => {
  const folder = await shards(t, {});
  const two = new Map(
    ['a', 'buffer'].map((name, i) => [name, { dtype: 'F16', shape: [1], bytes: Uint8Array.of(i, i) }]),
  );
  await writeFile(join(folder, '1.safetensors'), encodeSafetensors(two));
  const weights = await openWeights(folder);
  t.after(() => weights.close());
  assert.deepEqual([...weights.tensors.keys()], ['a', 'buffer', 'b']);
  assert.deepEqual([...(await weights.read('buffer'))], [1, 1]);
  await assert.rejects(weights.read('c'), /has a tensor c/);
});

const refused: Record<string, { map: Record<string, unknown>; says: RegExp }> = {
  'a shard outside the folder': {
    map: { c: '../1.safetensors' },
    says: /weight_map\.c is "\.\.\/1\.safetensors", which is not a path inside the folder/,
  },
  'an absolute shard': { map: { c: '/etc/passwd' }, says: /weight_map\.c is "\/etc\/passwd"/ },
  'the folder itself': { map: { c: '.' }, says: /weight_map\.c is "\."/ },
  'a null byte': { map: { c: '1.safetensors\0' }, says: /which is not a path inside the folder/ },
  'a shard that is a number': { map: { c: 1 }, says: /weight_map\.c must be a string, found 1/ },
  'a shard that is missing': {
    map: { c: '3.safetensors', d: '3.safetensors' },
    says: /3\.safetensors is missing; .*index\.json lists 2 of its tensors/,
  },
  'a tensor missing from its shard': {
    map: { c: '2.safetensors' },
    says: /2\.safetensors has no tensor c, although .*index\.json lists it/,
  },
  'a tensor in another shard': {
    map: { a: '2.safetensors', c: '1.safetensors' },
    says: /has no tensor [ac], although/,
  },
};

for (const [what, { map, says }] of Object.entries(refused)) {
  test(`refuses an index with ${what}`, async (t) => {
    await assert.rejects(openWeights(await shards(t, map)), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, says);
      return true;
    });
  });
}

test('refuses a tensor in two shards', async (t) => {
  const folder = await shards(t, {});
  await writeFile(join(folder, '2.safetensors'), one('a'));
  await assert.rejects(openWeights(folder), /Tensor a is in two shards, .*1\.safetensors and .*2\.safetensors/);
});

test('refuses an index without a weight_map', async (t) => {
  const folder = await shards(t, {});
  changeJson(join(folder, 'model.safetensors.index.json'), () => ({}));
  await assert.rejects(openWeights(folder), /index\.json has no weight_map/);
  await writeFile(join(folder, 'model.safetensors.index.json'), '{');
  await assert.rejects(openWeights(folder), /index\.json cannot be read/);
});

test('explains Git LFS pointers', async (t) => {
  const folder = await shards(t, {});
  await writeFile(join(folder, '1.safetensors'), 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n');
  await assert.rejects(
    openWeights(folder),
    /1\.safetensors is a Git LFS pointer, not the weights\. Run "git lfs pull"/,
  );
});

const instead: Record<string, { name: string; says: RegExp }> = {
  'a DeepSpeed checkpoint': {
    name: 'zero_to_fp32.py',
    says: /DeepSpeed .* python zero_to_fp32\.py \. pytorch_model\.bin/,
  },
  'the optimiser states of DeepSpeed': {
    name: 'global_step900',
    says: /DeepSpeed training checkpoint \(global_step900\)/,
  },
  'a variant': { name: 'model.fp16.safetensors', says: /variant="fp16"\. Rename it to model\.safetensors\.$/ },
  'a variant of torch': { name: 'pytorch_model.fp16.bin', says: /Rename it to pytorch_model\.bin\.$/ },
  'shards without an index': {
    name: 'model-00001-of-00003.safetensors',
    says: /one of several shards, but their index model\.safetensors\.index\.json is missing/,
  },
  'shards of torch without an index': {
    name: 'pytorch_model-00001-of-00002.bin',
    says: /pytorch_model\.bin\.index\.json is missing/,
  },
  'a file of llama.cpp': { name: 'ggml-model-q4_k.gguf', says: /llama\.cpp.*Download the original checkpoint/ },
  'files of Meta': { name: 'consolidated.00.pth', says: /original Llama code/ },
  'a file of Flax': { name: 'flax_model.msgpack', says: /TensorFlow or Flax/ },
  'some torch file': { name: 'model.pt', says: /rename it to pytorch_model\.bin/ },
  'subfolders of a training': { name: 'checkpoint-500', says: /give one of them, such as checkpoint-500/ },
  nothing: { name: 'README.md', says: /contains no weights \(looked for model\.safetensors, .*\)\. Download them/ },
};

for (const [what, { name, says }] of Object.entries(instead)) {
  test(`a folder with ${what} instead of weights says what to do`, async (t) => {
    const folder = temporaryFolder(t);
    await writeFile(join(folder, name), '');
    await assert.rejects(openWeights(folder), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, says);
      return true;
    });
  });
}

test('names all shards that are missing', async (t) => {
  const folder = await shards(t, { c: '3.safetensors', d: '4.safetensors' });
  await assert.rejects(
    openWeights(folder),
    /2 of the 4 shards that .*index\.json lists are missing\. Download 3\.safetensors, 4\.safetensors into /,
  );
});

for (const wrapper of ['module.', '_orig_mod.', 'base_model.model.', 'module._orig_mod.']) {
  test(`reads weights saved with the prefix ${wrapper}`, async (t) => {
    const folder = temporaryFolder(t);
    await writeFile(join(folder, 'model.safetensors'), one(`${wrapper}lm_head.weight`));
    const weights = await openWeights(folder);
    t.after(() => weights.close());
    assert.equal(weights.tensors.get('lm_head.weight')?.name, 'lm_head.weight');
    assert.deepEqual([...(await weights.read('lm_head.weight'))], [1, 2]);
  });
}
