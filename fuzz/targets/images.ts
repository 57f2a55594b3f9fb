import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareImage } from '../../src/model/images/prepare-image.js';
import { crc32 } from '../../src/shared/crc32.js';
import { fixture } from '../../test/fixtures.js';
import { mutateBytes } from '../mutate-bytes.js';
import type { Random } from '../random.js';
import type { FuzzTarget } from '../target.js';

const FILES = readdirSync(fixture('images'))
  .filter((name) => /\.(jpg|png|gif|webp)$/.test(name))
  .map((name) => readFileSync(fixture('images', name)));
const { images: BITMAPS } = JSON.parse(readFileSync(fixture('images', 'bitmaps.json'), 'utf8')) as {
  images: Record<string, { base64: string }>;
};
const BITMAP_FILES = Object.values(BITMAPS).map(({ base64 }) => Buffer.from(base64, 'base64'));
const SIZES = [0, 1, 2, 255, 256, 13_000, 16_383, 16_384, 65_535, 100_000, 2 ** 31 - 1, 2 ** 32 - 1];
const PNG_HEADER = { start: 12, end: 29 }; // "IHDR" and its data, followed by the checksum

export const target: FuzzTarget = {
  async run(folder, random) {
    const bytes = damaged(random.pick(random.chance(0.5) ? FILES : BITMAP_FILES), random);
    await writeFile(join(folder, 'image'), bytes);
    const image = await prepareImage(bytes, 'image', 64, random.pick(['pad', 'crop']));
    if (image.length !== 64 * 64 * 3) throw new Error(`the image has ${image.length} bytes`);
  },
};

function damaged(file: Buffer, random: Random): Buffer {
  if (random.chance(0.6)) return mutateBytes(file, random);
  const bytes = Buffer.from(file);
  const [width, height] = [random.pick(SIZES), random.pick(SIZES)];
  if (bytes[0] === 0x89 && bytes.length > PNG_HEADER.end + 4) {
    bytes.writeUInt32BE(width, 16);
    bytes.writeUInt32BE(height, 20);
    if (random.chance(0.3)) bytes[random.pick([24, 25, 26, 27, 28])] = random.below(32);
    bytes.writeUInt32BE(crc32(bytes.subarray(PNG_HEADER.start, PNG_HEADER.end)), PNG_HEADER.end);
  } else if (bytes[0] === 0xff) {
    const frame = [0xc0, 0xc2].map((marker) => bytes.indexOf(Buffer.from([0xff, marker]))).find((at) => at > 0);
    if (frame !== undefined && frame + 9 < bytes.length) {
      bytes.writeUInt16BE(height & 0xffff, frame + 5);
      bytes.writeUInt16BE(width & 0xffff, frame + 7);
    }
  } else if (bytes[0] === 0x42 && bytes.length > 26) {
    bytes.writeUInt32LE(width, 18);
    bytes.writeUInt32LE(height, 22);
  } else if (bytes.length > 30) {
    // Canvas size of a GIF or an extended WebP.
    const at = bytes[0] === 0x47 ? 6 : 24;
    bytes.writeUInt16LE(width & 0xffff, at);
    bytes.writeUInt16LE(height & 0xffff, at + (at === 6 ? 2 : 3));
  }
  return bytes;
}
