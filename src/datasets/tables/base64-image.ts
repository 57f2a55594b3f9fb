import { createHash } from 'node:crypto';
import { ImageError } from '../../shared/errors.js';

const DATA_ADDRESS = /^data:[^,]{0,100};base64,/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}\s*$/;

/** The image in a text cell: base64, or a data URL with it. @throws ImageError when it is no base64 */
export function decodeImage(text: string, where: string): Uint8Array {
  const encoded = text.slice(DATA_ADDRESS.exec(text)?.[0].length ?? 0).trim();
  if (encoded !== '' && BASE64.test(encoded)) return Buffer.from(encoded, 'base64');
  const start = JSON.stringify(encoded.slice(0, 20));
  throw new ImageError('unreadable', `${where}: the image is not base64: it starts with ${start}`);
}

/** Identifies the content of a cell with an image. */
export function contentKey(cell: string | Uint8Array): string {
  return createHash('sha256').update(cell).digest('hex').slice(0, 24);
}
