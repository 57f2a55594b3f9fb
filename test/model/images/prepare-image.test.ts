import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { prepareImage } from '../../../src/model/images/prepare-image.js';
import sharp from '../../../src/shared/sharp.js';
import { fixture } from '../../fixtures.js';
import { readNpy } from '../../npy.js';

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

test('an image too elongated to be padded is refused before memory is allocated; it can still be cropped', async () => {
  const thin = await sharp({ create: { width: 60_000, height: 2, channels: 3, background: '#123456' } })
    .png()
    .toBuffer();
  await assert.rejects(prepareImage(thin, 'thin.png', 256, 'pad'), {
    code: 'too-large',
    message: /thin\.png is 60000 x 2/,
  });
  const before = process.resourceUsage().maxRSS;
  const square = await prepareImage(thin, 'thin.png', 256, 'crop');
  assert.deepEqual(
    square,
    Uint8Array.from({ length: 256 * 256 * 3 }, (_, i) => [0x12, 0x34, 0x56][i % 3]!),
  );
  // Resized as a whole it would be 7,680,000 columns, whose weights alone are over a gigabyte.
  assert.ok(process.resourceUsage().maxRSS - before < 200_000, 'kilobytes');
});
