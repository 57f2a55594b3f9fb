import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { textVqa } from '../../src/benchmarks/textvqa.js';
import { makeImageEdition } from '../../src/evaluation/image-edition.js';
import { openRunImages } from '../../src/evaluation/run-images.js';
import { sampleData } from '../../src/evaluation/sample.js';

import type { RunRecord } from '../../src/results/runs/run-record.js';
import sharp from '../../src/shared/sharp.js';
import { runResult, session } from '../results/samples.js';

const SAMPLE = sampleData('textvqa');
const { questions } = await textVqa.load(SAMPLE, { protocol: 'llava', images: false });
const image = questions[0]!.image!;

/** A run of TextVQA or of custom questions, with files in `data`. */
function record(benchmark: string, data?: string): RunRecord {
  const protocol = { protocol: 'llava', ocrTokens: null, limit: null };
  const { record } = runResult({ benchmark, split: 'val', protocol });
  return { ...record, sessions: [{ ...session, settings: data === undefined ? {} : { data } }] };
}

test('images are found in their original place or in --data', async () => {
  const places: [RunRecord, string?][] = [
    [record('textvqa', SAMPLE)],
    [record('textvqa', '/gone'), SAMPLE],
    [record('textvqa'), dirname(SAMPLE)],
    [record('custom', join(SAMPLE, 'train_images'))],
  ];
  for (const [run, data] of places) {
    const images = await openRunImages(run, data);
    assert.ok((await images.read(image)).length > 0);
    await images.close();
  }
  await assert.rejects(openRunImages(record('textvqa')), /does not record where.*--data/);
  await assert.rejects(openRunImages(record('textvqa', '/gone')), /gone/);
});

test('the editions of an image are a small and a larger WebP; an image that cannot be read or has changed has none', async () => {
  const images = await openRunImages(record('textvqa', SAMPLE));
  const bytes = await images.read(image);
  const original = await sharp(bytes).metadata();
  const sizes = { small: 256, large: Math.min(1024, Math.max(original.width, original.height)) };
  for (const edition of ['small', 'large'] as const) {
    const made = await makeImageEdition(images, image, edition);
    assert.ok(Buffer.isBuffer(made));
    const { format, width, height } = await sharp(made).metadata();
    assert.equal(format, 'webp');
    assert.equal(Math.max(width, height), sizes[edition]);
    if (edition === 'small') assert.ok(made.length < 10_000, `${made.length} bytes`);
  }
  assert.equal(await makeImageEdition(images, 'none.jpg', 'small'), null);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  assert.ok(Buffer.isBuffer(await makeImageEdition(images, image, 'small', sha256)));
  assert.equal(await makeImageEdition(images, image, 'small', '0'.repeat(64)), 'changed');
  await images.close();
  const svg = {
    read: async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    stamp: async () => null,
    close: async () => {},
  };
  assert.equal(await makeImageEdition(svg, 'drawing.jpg', 'large'), null);
});
