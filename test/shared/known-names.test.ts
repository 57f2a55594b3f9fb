import assert from 'node:assert/strict';
import test from 'node:test';
import { didYouMean, nameAmong } from '../../src/shared/known-names.js';

const MODELS = ['llava-hr-7b', 'llava-hr-13b-x', 'llava-1.5-7b', 'llava-1.5-13b'];
const BENCHMARKS = ['vqav2', 'gqa', 'okvqa', 'scienceqa', 'textvqa', 'pope', 'mme', 'seed', 'mmvet'];

test('case and separators do not matter', () => {
  for (const name of ['llava-hr-7b', 'LLaVA-HR-7B', 'llava_hr_7b', 'LLaVA HR 7B']) {
    assert.equal(nameAmong(name, MODELS), 'llava-hr-7b', name);
  }
  assert.equal(nameAmong('llava-1.5-7b', MODELS), 'llava-1.5-7b');
  assert.equal(nameAmong('LLaVA-1.5_13b', MODELS), 'llava-1.5-13b');
  assert.equal(nameAmong('mm-vet', BENCHMARKS), 'mmvet');
  for (const name of ['llava', 'llava-hr', '', '--']) assert.equal(nameAmong(name, MODELS), null, name);
});

test('similar names are suggested, and only those', () => {
  const cases: [string, readonly string[], string][] = [
    ['llava-v1.5-7b', MODELS, 'llava-1.5-7b'],
    ['lava-hr-7b', MODELS, 'llava-hr-7b'],
    ['llava-hr-13b', MODELS, 'llava-hr-13b-x'],
    ['llava-hr', MODELS, 'llava-hr-7b'],
    ['textqa', BENCHMARKS, 'textvqa'],
    ['scienceqa-img', BENCHMARKS, 'scienceqa'],
    ['seed-bench-img', BENCHMARKS, 'seed'],
  ];
  for (const [name, known, expected] of cases)
    assert.equal(didYouMean(name, known), ` Did you mean ${expected}?`, name);
  for (const name of ['gpt-4', 'docvqa2', '', 'x']) assert.equal(didYouMean(name, BENCHMARKS), '', name);
});
