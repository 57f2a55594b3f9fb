import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { textVqa } from '../../src/benchmarks/textvqa.js';
import { openRunImages } from '../../src/evaluation/run-images.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { makeThumbnail } from '../../src/evaluation/thumbnail.js';
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

test('a thumbnail is a small WebP; an image that cannot be read has none', async () => {
  const images = await openRunImages(record('textvqa', SAMPLE));
  const thumbnail = await makeThumbnail(images, image);
  const { format, width, height } = await sharp(thumbnail!).metadata();
  assert.equal(format, 'webp');
  assert.ok(Math.max(width, height) <= 256);
  assert.ok(thumbnail!.length < 10_000, `${thumbnail!.length} bytes`);
  assert.equal(await makeThumbnail(images, 'none.jpg'), null);
  await images.close();
  const svg = {
    read: async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    stamp: async () => null,
    close: async () => {},
  };
  assert.equal(await makeThumbnail(svg, 'drawing.jpg'), null);
});
