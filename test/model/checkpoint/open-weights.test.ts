import assert from 'node:assert/strict';
import { cp, rm, writeFile } from 'node:fs/promises';
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

test('explains Git LFS pointers and partial checkpoints', async (t) => {
  const folder = await shards(t, {});
  await writeFile(join(folder, '1.safetensors'), 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n');
  await assert.rejects(
    openWeights(folder),
    /1\.safetensors is a Git LFS pointer, not the weights\. Run "git lfs pull"/,
  );
  await rm(join(folder, 'model.safetensors.index.json'));
  await assert.rejects(
    openWeights(folder),
    /contains no weights \(looked for model\.safetensors, .*pytorch_model\.bin\.index\.json\)\.$/,
  );
  await writeFile(join(folder, 'mm_projector.bin'), '');
  await assert.rejects(openWeights(folder), /projector from the pretraining stage/);
  await rm(join(folder, 'mm_projector.bin'));
  await writeFile(join(folder, 'adapter_config.json'), '{}');
  await assert.rejects(openWeights(folder), /LoRA adapter: merge it/);
});
