import { crc32 } from '../../shared/crc32.js';

const FIRST_CHUNK = 8; // behind the signature
const FRAME_BYTES = 12; // of a chunk: length, type and CRC

/**
 * Checks the CRC-32 of a PNG's chunks up to its pixel data, as Pillow does on opening a file; libpng as sharp uses it
 * skips them. The pixel data has a checksum of its own, which inflating it checks, and what follows is not used.
 * Source: Pillow PngImagePlugin.py, PngImageFile._open
 * @returns what is wrong, or null
 */
export function pngProblem(bytes: Uint8Array): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = FIRST_CHUNK; at + FRAME_BYTES <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1');
    if (type === 'IDAT' || type === 'IEND') return null;
    if (end + 4 > bytes.length) return 'it ends too early';
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      return `its chunk ${JSON.stringify(type)} is damaged (bad CRC-32)`;
    }
    at = end + 4;
  }
  return null;
}
