import { ImageError, messageOf } from '../../shared/errors.js';
import sharp from '../../shared/sharp.js';
import { pngProblem } from './check-png.js';
import { isTiff, tiffProblem } from './check-tiff.js';
import { decodeBmp, isBmp } from './decode-bmp.js';
import { firstGifFrame } from './gif-frame.js';
import { nameFormat, saveAsPng } from './name-format.js';
import type { RgbImage } from './rgb-image.js';

/** Pillow refuses to decode more than twice its warning limit of 89,478,485 pixels. Source: Pillow Image.py */
export const MAX_PIXELS = 178_956_970;

/**
 * Decodes a JPEG, PNG, GIF, WebP, BMP or TIFF file to what `PIL.Image.open(file).convert("RGB")` gives, byte for byte: no EXIF
 * rotation except in TIFF, no colour profile, transparency dropped without blending, the first frame or page.
 * @param name for error messages
 * @throws ImageError `unreadable` for another format or a damaged or truncated file, `too-large` for more pixels than
 *   Pillow accepts, which is checked before anything is decoded
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<RgbImage> {
  const format = imageFormat(bytes);
  if (format === undefined) {
    const known = nameFormat(bytes);
    if (known !== null) throw new ImageError('unreadable', `${name} is ${known}`);
    const start = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
    const content = bytes.length === 0 ? 'is empty' : `starts with ${JSON.stringify(start)}`;
    throw new ImageError('unreadable', `${name} is not a JPEG, PNG, GIF, WebP, BMP or TIFF image: it ${content}`);
  }
  const tiff = format === 'tiff' ? tiffProblem(bytes) : null;
  if (tiff && 'kind' in tiff)
    throw new ImageError('unreadable', `${name} is ${saveAsPng(`a TIFF image with ${tiff.kind}`)}`);
  const problem = format === 'png' ? pngProblem(bytes) : (tiff?.problem ?? null);
  if (problem) throw new ImageError('unreadable', `${name} cannot be decoded: ${problem}`);
  try {
    if (format === 'gif') return await decodeGif(bytes, name);
    if (format === 'bmp') return decodeBmp(bytes, (width, height) => checkSize(width, height, name));
    return await decode(bytes, name, format);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const reason = error instanceof RangeError ? 'the file is truncated' : messageOf(error).split('\n', 1)[0];
    throw new ImageError('unreadable', `${name} cannot be decoded: ${reason}`, { cause: error });
  }
}

/** The format according to the first bytes. Others never reach sharp, which would also render SVG or open HEIF. */
export function imageFormat(bytes: Uint8Array): 'jpeg' | 'png' | 'gif' | 'webp' | 'bmp' | 'tiff' | undefined {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (start.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (start.startsWith('GIF87a') || start.startsWith('GIF89a')) return 'gif';
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'webp';
  if (isBmp(bytes)) return 'bmp';
  if (isTiff(bytes)) return 'tiff';
  return undefined;
}

function checkSize(width: number, height: number, name: string): void {
  if (width * height <= MAX_PIXELS) return;
  const pixels = `${width} x ${height} = ${width * height} pixels`;
  throw new ImageError('too-large', `${name} has ${pixels}, more than the limit of ${MAX_PIXELS}`);
}

async function decode(
  bytes: Uint8Array,
  name: string,
  format: 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff',
): Promise<RgbImage> {
  // `truncated`: like Pillow, reject truncated files but not those with damaged pixels.
  const file = sharp(bytes, {
    failOn: format === 'tiff' ? 'error' : 'truncated',
    ignoreIcc: true,
    limitInputPixels: false,
    unlimited: isJpegOfFewScans(bytes),
  });
  const { width: storedWidth, height: storedHeight, space, depth } = await file.metadata();
  checkSize(storedWidth, storedHeight, name);
  if (format === 'tiff') file.autoOrient(); // as Pillow does for this format alone
  const { data, info } = await file
    .pipelineColourspace(space) // otherwise CMYK would be converted with a colour profile
    .toColourspace(space)
    .raw({ depth: depth === 'ushort' ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });

  const { width, height, channels } = info;
  let pixels: Uint8Array = data;
  if (space === 'cmyk') pixels = cmykToRgb(data);
  else if (depth === 'ushort') pixels = from16Bit(data, channels, isPlainGrey(bytes, format, channels));
  else if (channels < 3) pixels = pickRgb(data, channels, 0, 0, 0);
  else if (channels === 4) pixels = pickRgb(data, 4, 0, 1, 2);
  return { width, height, pixels };
}

/** libvips refuses progressive JPEGs with several warnings, which Pillow reads, and with very many scans, which cost hours. */
const MAX_SCANS = 100;
/** Marker of a scan; the compressed data between markers cannot contain it. */
const START_OF_SCAN = Buffer.from([0xff, 0xda]);

function isJpegOfFewScans(bytes: Uint8Array): boolean {
  if (imageFormat(bytes) !== 'jpeg') return false;
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let scans = 0;
  for (let at = data.indexOf(START_OF_SCAN); at >= 0 && scans <= MAX_SCANS; at = data.indexOf(START_OF_SCAN, at + 2))
    scans++;
  return scans <= MAX_SCANS;
}

/** Takes three bytes of each pixel. @param stride bytes per pixel in `data` */
function pickRgb(data: Uint8Array, stride: number, red: number, green: number, blue: number): Uint8Array {
  const pixels = new Uint8Array((data.length / stride) * 3);
  for (let source = 0, target = 0; source < data.length; source += stride, target += 3) {
    pixels[target] = data[source + red]!;
    pixels[target + 1] = data[source + green]!;
    pixels[target + 2] = data[source + blue]!;
  }
  return pixels;
}

const PNG_COLOUR_TYPE = 25; // byte offset in the file
const GREY = 0;

/** In PNG the number of channels does not tell: with a transparent value, sharp adds an alpha channel. */
function isPlainGrey(bytes: Uint8Array, format: string, channels: number): boolean {
  return format === 'png' ? bytes[PNG_COLOUR_TYPE] === GREY : channels < 3;
}

/**
 * Converts 16-bit little-endian samples like Pillow: plain grey is clipped at 255 (so that an ordinary image becomes
 * white); everything else keeps the high byte.
 */
function from16Bit(data: Uint8Array, channels: number, isGrey: boolean): Uint8Array {
  if (!isGrey) return channels < 3 ? pickRgb(data, 2 * channels, 1, 1, 1) : pickRgb(data, 2 * channels, 1, 3, 5);
  const stride = 2 * channels;
  const pixels = new Uint8Array((data.length / stride) * 3);
  for (let source = 0, target = 0; source < data.length; source += stride, target += 3) {
    const level = data[source + 1]! > 0 ? 255 : data[source]!;
    pixels.fill(level, target, target + 3);
  }
  return pixels;
}

/** Converts CMYK (0 is no ink) to RGB without a colour profile. Source: Pillow Convert.c, cmyk2rgb. */
function cmykToRgb(data: Uint8Array): Uint8Array {
  const pixels = new Uint8Array((data.length / 4) * 3);
  for (let source = 0, target = 0; source < data.length; source += 4, target += 3) {
    const light = 255 - data[source + 3]!;
    for (let channel = 0; channel < 3; channel++) {
      const product = data[source + channel]! * light + 128;
      pixels[target + channel] = light - (((product >> 8) + product) >> 8); // product / 255, rounded
    }
  }
  return pixels;
}

async function decodeGif(bytes: Uint8Array, name: string): Promise<RgbImage> {
  const { canvas, left, top, fill, file } = firstGifFrame(bytes);
  checkSize(canvas.width, canvas.height, name);
  const frame = await decode(file, name, 'gif');
  if (frame.width === canvas.width && frame.height === canvas.height) return frame;
  const pixels = new Uint8Array(canvas.width * canvas.height * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = fill[i % 3]!;
  for (let row = 0; row < frame.height; row++) {
    const source = row * frame.width * 3;
    pixels.set(frame.pixels.subarray(source, source + frame.width * 3), ((top + row) * canvas.width + left) * 3);
  }
  return { ...canvas, pixels };
}
