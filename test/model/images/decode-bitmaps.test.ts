import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { decodeImage } from '../../../src/model/images/decode-image.js';
import { ImageError } from '../../../src/shared/errors.js';
import { fixture } from '../../fixtures.js';

/** A BMP or TIFF file, and what Pillow makes of it; see test/fixtures/images/make_bitmaps.py. */
type Bitmap = { base64: string } & ({ width: number; height: number; sha256: string } | { error: string });

const { images } = JSON.parse(readFileSync(fixture('images', 'bitmaps.json'), 'utf8')) as {
  images: Record<string, Bitmap>;
};

/** Kinds of TIFF that Pillow reads and that are refused by name here, since libvips reads them otherwise or not at all. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'rgb_zstd.tif': /compression 50000/,
  'rgb_lzma.tif': /compression 34925/,
  'ycc_tiff_lzw.tif': /colours of kind 6/,
  'ycc_tiff_adobe_deflate.tif': /colours of kind 6/,
  'rgb_premultiplied.tif': /colours multiplied by alpha/,
  'cmyk_other_inks.tif': /colours of kind 5/,
  'lab.tif': /colours of kind 8/,
  'signed.tif': /signed or floating-point samples/,
  'float.tif': /signed or floating-point samples/,
  'grey_32.tif': /1 samples of 32 bits/,
  'grey_12.tif': /1 samples of 12 bits/,
  'reversed_bits.tif': /reversed bits/,
};

for (const [name, bitmap] of Object.entries(images)) {
  const bytes = Buffer.from(bitmap.base64, 'base64');
  const refused = async (says: RegExp): Promise<void> => {
    await assert.rejects(decodeImage(bytes, name), (error: unknown) => {
      assert.ok(error instanceof ImageError, String(error));
      assert.match(error.message, new RegExp(`^${name} [^\\n]+$`)); // one line that names the image
      assert.match(error.message, says);
      return true;
    });
  };
  if ('error' in bitmap) test(`${name} is refused, as by Pillow`, () => refused(/./));
  else if (name in REFUSED) {
    test(`${name} is refused by name`, async () => {
      await refused(REFUSED[name]!);
      await refused(/which is not decoded here\. Save it as PNG/);
    });
  } else {
    test(`${name} has the bytes of Pillow's RGB`, async () => {
      const { width, height, pixels } = await decodeImage(bytes, name);
      const sha256 = createHash('sha256').update(pixels).digest('hex');
      assert.deepEqual(
        { width, height, sha256 },
        { width: bitmap.width, height: bitmap.height, sha256: bitmap.sha256 },
      );
    });
  }
}
