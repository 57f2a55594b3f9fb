import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { decodeImage } from '../../../src/model/images/decode-image.js';
import { ImageError } from '../../../src/shared/errors.js';
import { fixture } from '../../fixtures.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** Pillow's result for a file of test/fixtures/images. */
type Expected = { width: number; height: number; sha256: string } | { error: string };

const { images } = readJson(fixture('images', 'expected.json')) as { images: Record<string, Expected> };
for (const [name, expected] of Object.entries(images)) {
  const bytes = readFileSync(fixture('images', name));
  if ('error' in expected) {
    const isLarge = expected.error.startsWith('DecompressionBombError');
    test(`${name} is refused, as by Pillow`, () =>
      assert.rejects(decodeImage(bytes, name), (error: unknown) => {
        assert.ok(error instanceof ImageError);
        assert.equal(error.code, isLarge ? 'too-large' : 'unreadable');
        assert.match(error.message, new RegExp(`^${name} [^\\n]+$`)); // one line that names the image
        return true;
      }));
  } else {
    test(`${name} has the bytes of Pillow's RGB`, async () => {
      const { width, height, pixels } = await decodeImage(bytes, name);
      assert.deepEqual(
        { width, height, sha256: sha256(pixels) },
        {
          width: expected.width,
          height: expected.height,
          sha256: expected.sha256,
        },
      );
    });
  }
}

interface ReferenceImage {
  size: [width: number, height: number];
  rgb_sha256: string;
  rgb_points: [x: number, y: number, red: number, green: number, blue: number][];
}

const references = readJson(fixture('reference', 'images', 'images.json')) as Record<string, ReferenceImage>;
for (const [name, reference] of Object.entries(references)) {
  test(`${name} has the bytes of Pillow's RGB`, async () => {
    const image = await decodeImage(readFileSync(fixture('reference', 'images', name)), name);
    assert.deepEqual([image.width, image.height], reference.size);
    for (const [x, y, ...rgb] of reference.rgb_points) {
      const at = (y * image.width + x) * 3;
      assert.deepEqual([...image.pixels.subarray(at, at + 3)], rgb, `pixel ${x},${y}`);
    }
    assert.equal(sha256(image.pixels), reference.rgb_sha256);
  });
}

test('the message about a large image has both numbers', async () => {
  await assert.rejects(decodeImage(readFileSync(fixture('images', 'huge.png')), 'huge.png'), {
    code: 'too-large',
    message: 'huge.png has 13378 x 13378 = 178970884 pixels, more than the limit of 178956970',
  });
});

for (const [name, start] of [
  ['a.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"></svg>'],
  ['b.bmp', 'BM\x86\0\0\0\0\0'],
] as const) {
  test(`${name} is refused by its first bytes`, () =>
    assert.rejects(decodeImage(Buffer.from(start, 'latin1'), name), {
      name: 'ImageError',
      message: /is not a JPEG, PNG, GIF or WebP image: it starts with "(<svg|BM)/,
    }));
}

test('reads an image from a view into a larger buffer', async () => {
  const file = readFileSync(fixture('images', 'transparent.gif'));
  const padded = Buffer.concat([Buffer.alloc(5, 0x21), file]).subarray(5);
  const { pixels } = await decodeImage(padded, 'transparent.gif');
  assert.equal(sha256(pixels), (images['transparent.gif'] as { sha256: string }).sha256);
});
