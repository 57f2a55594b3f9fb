import assert from 'node:assert/strict';
import test from 'node:test';
import type { ModelManifest } from '../../src/model/manifest.js';
import { modelHash } from '../../src/model/model-folder.js';
import { SMALL_HR } from './small-architecture.js';

const file = (name: string, digit: string) => ({ name, bytes: 1, sha256: digit.repeat(64), modifiedMs: 0 });
const manifest: ModelManifest = {
  schemaVersion: 1,
  name: 'small',
  architecture: SMALL_HR,
  precision: 'fp32',
  graphVersion: 1,
  resolutions: [],
  weights: [file('vision.weights', 'a'), file('language.weights', 'b')],
  source: { layout: 'llava-hr', files: [file('model.safetensors', 'c'), file('../base/tokenizer.model', 'd')] },
};
const hash = modelHash(manifest);

test('weights, architecture and tokenizer each give another hash', () => {
  const { language } = SMALL_HR;
  const others: Partial<ModelManifest>[] = [
    { weights: [file('vision.weights', 'a'), file('language.weights', 'c')] },
    { architecture: { ...SMALL_HR, language: { ...language, ropeTheta: 5e5 } } },
    { architecture: { ...SMALL_HR, language: { ...language, otherEosTokenIds: [7] } } },
    { architecture: { ...SMALL_HR, imageAspect: 'crop' } },
    { source: { ...manifest.source, files: [file('model.safetensors', 'c'), file('tokenizer.model', 'e')] } },
    { source: { ...manifest.source, files: [...manifest.source.files, file('tokenizer_config.json', 'f')] } },
  ];
  const hashes = others.map((other) => modelHash({ ...manifest, ...other }));
  assert.equal(new Set([hash, ...hashes]).size, others.length + 1);
});

test('what a model is called and how it was stored gives the same hash', () => {
  const { layers, ...rest } = SMALL_HR.language;
  const files = [file('pytorch_model.bin', '9'), { ...file('tokenizer.model', 'd'), modifiedMs: 5 }];
  const same = {
    ...manifest,
    name: 'other',
    architecture: { ...SMALL_HR, language: { ...rest, layers } },
    source: { layout: 'other', files },
  };
  assert.equal(modelHash(same), hash);
});
