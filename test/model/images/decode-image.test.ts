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

test('the error for an image that is too large gives its size and the limit', async () => {
  await assert.rejects(decodeImage(readFileSync(fixture('images', 'huge.png')), 'huge.png'), {
    code: 'too-large',
    message: 'huge.png has 13378 x 13378 = 178970884 pixels, more than the limit of 178956970',
  });
});

test('a drawing is refused by its first bytes', () =>
  assert.rejects(
    decodeImage(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"></svg>'), 'a.svg'),
    {
      name: 'ImageError',
      message: /is an SVG drawing/,
    },
  ));

for (const start of ['BM', 'BM\x36\0', 'II*\0', 'MM\0*', 'II+\0']) {
  test(`a file that ends after ${JSON.stringify(start)} is refused`, () =>
    assert.rejects(decodeImage(Buffer.from(start, 'latin1'), 'a.png'), {
      name: 'ImageError',
      message: /^a\.png cannot be decoded: (the file is truncated|its directory is cut off)$/,
    }));
}

test('reads an image from a view into a larger buffer', async () => {
  const file = readFileSync(fixture('images', 'transparent.gif'));
  const padded = Buffer.concat([Buffer.alloc(5, 0x21), file]).subarray(5);
  const { pixels } = await decodeImage(padded, 'transparent.gif');
  assert.equal(sha256(pixels), (images['transparent.gif'] as { sha256: string }).sha256);
});

const others: readonly (readonly [start: Uint8Array, says: RegExp])[] = [
  [
    Buffer.from('\0\0\0\x0cjP  \r\n', 'latin1'),
    /^a\.png is a JPEG 2000 image, which is not decoded here\. Save it as PNG .*convert\('RGB'\)/,
  ],
  [Buffer.from('ff4fff510029', 'hex'), /is a JPEG 2000 image/],
  [Buffer.from('\0\0\0\x1cftypavif'), /is an AVIF image/],
  [Buffer.from('\0\0\0\x1cftypheic'), /is a HEIC image/],
  [Buffer.from('<?xml version="1.0"?><svg xmlns='), /is an SVG drawing/],
  [Buffer.from('\n<!DOCTYPE html><html>'), /is a web page\. The download failed/],
  [Buffer.from('version https://git-lfs.github.com/spec/v1'), /is a Git LFS pointer/],
  [Buffer.from('something else'), /is not a JPEG, PNG, GIF, WebP, BMP or TIFF image: it starts with/],
];
for (const [start, says] of others) {
  test(`a file that begins with ${JSON.stringify(Buffer.from(start).toString('latin1'))} is refused by name`, async () => {
    await assert.rejects(decodeImage(start, 'a.png'), (error) => {
      assert.ok(error instanceof ImageError);
      assert.equal(error.code, 'unreadable');
      assert.match(error.message, says);
      return true;
    });
  });
}
