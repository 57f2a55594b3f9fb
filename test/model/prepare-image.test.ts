import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { prepareImage } from '../../src/model/prepare-image.js';
import { fixture } from '../fixtures.js';
import { readNpy } from '../npy.js';

interface PreprocessCase {
  src: string;
  target: number;
  mode: 'pad' | 'square';
  /** Bytes [target, target, 3] after the official resize; absent where the official code raises an error. */
  u8?: string;
}

const { entries } = JSON.parse(readFileSync(fixture('reference', 'preprocess', 'preprocess.json'), 'utf8')) as {
  entries: PreprocessCase[];
};

for (const { src, target, mode, u8 } of entries) {
  if (!u8) continue;
  test(`${src} to ${target} px, ${mode}: every byte equals the official preprocessing's`, async () => {
    const bytes = readFileSync(fixture('reference', 'preprocess', src));
    const pixels = await prepareImage(bytes, src, target, mode === 'pad' ? 'pad' : 'crop');
    assert.ok(Buffer.from(pixels).equals(Buffer.from(readNpy(fixture('reference', 'preprocess', u8)).data)));
  });
}
