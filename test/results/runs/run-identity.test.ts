import assert from 'node:assert/strict';
import test from 'node:test';
import {
  answerId,
  differences,
  type RunIdentity,
  runFolderName,
  type SampleIdentity,
} from '../../../src/results/runs/run-identity.js';
import { identity } from '../samples.js';

test('a folder name can be read, and stays the same from version to version', () => {
  assert.equal(runFolderName(identity), 'textvqa-llava-hr-7b-1024-d2043234'); // a change makes every cached run unreachable
});

test('the order of keys does not matter', () => {
  const { model, protocol, dataFiles, ...rest } = identity;
  const reversed = <T extends object>(value: T) => Object.fromEntries(Object.entries(value).reverse()) as T;
  const shuffled: RunIdentity = {
    dataFiles: reversed(dataFiles),
    protocol: reversed(protocol),
    model: reversed(model),
    ...rest,
  };
  assert.equal(runFolderName(shuffled), runFolderName(identity));
});

const changes: [string, Partial<RunIdentity>][] = [
  ['benchmark', { benchmark: 'gqa' }],
  ['split', { split: 'test' }],
  ['protocol.limit', { protocol: { ...identity.protocol, limit: 100 } }],
  ['protocol.ocrTokens', { protocol: { ...identity.protocol, ocrTokens: false } }],
  ['dataFiles.questions.jsonl', { dataFiles: { ...identity.dataFiles, 'questions.jsonl': 'd'.repeat(64) } }],
  ['model.name', { model: { ...identity.model, name: 'other' } }],
  ['model.resolution', { model: { ...identity.model, resolution: 384 } }],
  ['model.precision', { model: { ...identity.model, precision: 'fp16' } }],
  ['model.weightsHash', { model: { ...identity.model, weightsHash: 'e'.repeat(64) } }],
  ['model.graphVersion', { model: { ...identity.model, graphVersion: 2 } }],
  ['device', { device: 'cuda' }],
  ['maxNewTokens', { maxNewTokens: 16 }],
  ['preprocessingVersion', { preprocessingVersion: 2 }],
  ['generation.method', { generation: { method: 'beam' } }],
];
for (const [field, change] of changes) {
  test(`another ${field} is another run`, () => {
    const other = { ...identity, ...change };
    assert.notEqual(runFolderName(other), runFolderName(identity));
    assert.deepEqual(
      differences(identity, other).map((difference) => difference.field),
      [field],
    );
  });
}

test('a field present in only one differs from null', () => {
  const { 'questions.jsonl': hash } = identity.dataFiles;
  const other = { ...identity, dataFiles: { 'questions.jsonl': hash! } };
  assert.deepEqual(differences(identity, other), [
    { field: 'dataFiles.TextVQA_0.5.1_val.json', first: 'b'.repeat(64), second: null },
  ]);
  assert.deepEqual(differences(identity, structuredClone(identity)), []);
});

test('names of checkpoints cannot leave the folder', () => {
  for (const [name, safe] of [
    ['../../etc/passwd', 'etc-passwd'],
    ['.hidden', 'hidden'],
    ['a b\n$(c)', 'a-b-c'],
    ['…', 'unnamed'],
    ['x'.repeat(500), 'x'.repeat(80)],
  ] as const) {
    const folder = runFolderName({ ...identity, model: { ...identity.model, name } });
    assert.match(folder, new RegExp(`^textvqa-${safe}-1024-[0-9a-f]{8}$`));
  }
});

const sample: SampleIdentity = {
  weightsHash: 'c'.repeat(64),
  resolution: 1024,
  prompt: 'what?',
  imageSha256: 'f'.repeat(64),
  maxNewTokens: 128,
  generation: { method: 'greedy' },
  preprocessingVersion: 1,
};

test('the id of an answer depends on everything that affects the answer', () => {
  assert.match(answerId(sample), /^[\w-]{22}$/);
  const changed: Partial<SampleIdentity>[] = [
    { weightsHash: '0' },
    { resolution: 384 },
    { prompt: 'what? ' },
    { imageSha256: '0' },
    { imageSha256: null },
    { maxNewTokens: 16 },
    { generation: {} },
    { preprocessingVersion: 2 },
  ];
  const ids = new Set([{}, ...changed].map((change) => answerId({ ...sample, ...change })));
  assert.equal(ids.size, changed.length + 1);
  assert.equal(answerId({ ...sample }), answerId(sample));
});
