import type { RgbImage } from './rgb-image.js';

/** Whether a file begins as Windows and OS/2 bitmaps do. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d; // BM
}

const RAW = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;

const FILE_HEADER = 14;
const CORE_HEADER = 12; // OS/2 1.x
const HEADERS = [40, 52, 56, 64, 108, 124];

/** Red, green, blue and alpha masks of 32-bit pixels that Pillow knows, and the order of the bytes in a pixel. */
const ORDERS_32: readonly (readonly [masks: readonly number[], order: string])[] = [
  [[0xff0000, 0xff00, 0xff, 0], 'BGRX'],
  [[0xff000000, 0xff0000, 0xff00, 0], 'XBGR'],
  [[0xff000000, 0xff00, 0xff, 0], 'BGXR'],
  [[0xff000000, 0xff0000, 0xff00, 0xff], 'ABGR'],
  [[0xff, 0xff00, 0xff0000, 0xff000000], 'RGBA'],
  [[0xff0000, 0xff00, 0xff, 0xff000000], 'BGRA'],
  [[0xff000000, 0xff00, 0xff, 0xff0000], 'BGAR'],
  [[0, 0, 0, 0], 'BGRA'],
];

interface Header {
  width: number;
  height: number;
  bottomUp: boolean;
  bits: number;
  compression: number;
  /** Entries of the palette; of no meaning without one. */
  colors: number;
  /** Bytes of a palette entry. */
  entryBytes: 3 | 4;
  masks: readonly number[];
  /** Where the palette begins, and where the pixels do. */
  paletteAt: number;
  pixelsAt: number;
}

/**
 * Decodes a BMP file as Pillow does. Alpha is dropped.
 * Source: Pillow 12.3 BmpImagePlugin.py, Unpack.c, RawDecode.c.
 * @param checkSize throws for more pixels than are decoded
 * @throws Error for what Pillow does not decode either: other headers, depths, masks and compressions, missing pixels
 */
export function decodeBmp(bytes: Uint8Array, checkSize: (width: number, height: number) => void): RgbImage {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(data);
  const { width, height, bits } = header;
  if (width < 1 || height < 1) throw new Error('it has no pixels');
  checkSize(width, height);
  const pixels = bits <= 8 ? decodeIndexed(data, header) : decodeDirect(data, header);
  return { width, height, pixels };
}

function readHeader(data: Buffer): Header {
  const size = data.readUInt32LE(FILE_HEADER);
  const at = FILE_HEADER + 4; // of the fields after the header's own size
  let pixelsAt = data.readUInt32LE(10);
  const end = FILE_HEADER + size;
  if (size === CORE_HEADER) {
    const bits = data.readUInt16LE(at + 6);
    const colors = 2 ** bits;
    if (pixelsAt === end && bits <= 8) pixelsAt += 3 * colors;
    const [width, height] = [data.readUInt16LE(at), data.readUInt16LE(at + 2)];
    const fixed = { bottomUp: true, compression: RAW, entryBytes: 3, masks: [] } as const;
    return { width, height, bits, colors, ...fixed, paletteAt: end, pixelsAt: pixelsAt || end + 3 * colors };
  }
  if (!HEADERS.includes(size)) throw new Error(`its header has ${size} bytes, a size that is not known`);
  if (data.length < end) throw new RangeError('the header is cut off');
  const topDown = data[at + 7] === 0xff;
  const height = data.readUInt32LE(at + 4);
  const bits = data.readUInt16LE(at + 10);
  const compression = data.readUInt32LE(at + 12);
  const colors = data.readUInt32LE(at + 28) || 2 ** bits;
  if (pixelsAt === end && bits <= 8) pixelsAt += 4 * colors;
  // The masks are fields of the longer headers, and follow a short one.
  const hasMasks = compression === BITFIELDS;
  const masks = hasMasks ? [0, 1, 2].map((i) => data.readUInt32LE(at + 36 + 4 * i)) : [];
  if (hasMasks) masks.push(size >= 56 ? data.readUInt32LE(at + 48) : 0);
  const paletteAt = end + (hasMasks && size === 40 ? 12 : 0);
  return {
    width: data.readUInt32LE(at),
    height: topDown ? 2 ** 32 - height : height,
    bottomUp: !topDown,
    bits,
    compression,
    colors,
    entryBytes: 4,
    masks,
    paletteAt,
    pixelsAt: pixelsAt || paletteAt + (bits <= 8 ? 4 * colors : 0),
  };
}

/** Pixels of 1, 4 or 8 bits, which select colours. */
function decodeIndexed(data: Buffer, header: Header): Uint8Array {
  const { width, height, bits, compression, colors, bottomUp } = header;
  if (![1, 4, 8].includes(bits)) throw new Error(`it has ${bits} bits per pixel, a depth that is not known`);
  const palette = readPalette(data, header);
  const indices =
    compression === RAW
      ? unpackRows(data, header, palette === null ? (colors === 2 ? 1 : 8) : bits)
      : unpackRuns(data, header);
  if (compression !== RAW && palette === null && colors === 2) throw new Error('it is a compressed bilevel image');
  const lookUp = palette ?? greys(colors === 2 ? 255 : 1);
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = bottomUp ? height - 1 - y : y;
    for (let x = 0; x < width; x++) {
      const index = indices[row * width + x]! * 3;
      const target = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) pixels[target + channel] = lookUp[index + channel]!;
    }
  }
  return pixels;
}

/**
 * The colours, RGB, 256 of them, black where the file has none. null for greys in order: Pillow then reads the pixels as
 * levels of 8 bits or, with two colours, of one bit, whatever their depth.
 */
function readPalette(data: Buffer, { colors, entryBytes, paletteAt }: Header): Uint8Array | null {
  if (colors > 256) throw new Error(`its palette has ${colors} colours`);
  const stored = data.subarray(paletteAt, paletteAt + entryBytes * colors);
  const palette = new Uint8Array(256 * 3);
  let areGreys = true;
  for (let i = 0; i < colors; i++) {
    const [blue, green, red] = stored.subarray(i * entryBytes, i * entryBytes + 3);
    const level = colors === 2 ? 255 * i : i;
    if (blue !== level || green !== level || red !== level) areGreys = false;
    palette.set([red ?? 0, green ?? 0, blue ?? 0], i * 3);
  }
  return areGreys ? null : palette;
}

/** Greys as a palette: level times `step`. */
function greys(step: number): Uint8Array {
  return Uint8Array.from({ length: 256 * 3 }, (_, i) => Math.min(255, Math.floor(i / 3) * step));
}

/** Bytes from the beginning of a row to that of the next. */
function strideOf({ width, bits }: Header): number {
  return Math.floor((width * bits + 31) / 32) * 4;
}

/** @returns indices, one byte each, in the file's order of rows */
function unpackRows(data: Buffer, header: Header, depth: number): Uint8Array {
  const { width, height, pixelsAt } = header;
  const stride = strideOf(header);
  const rowBytes = Math.ceil((width * depth) / 8);
  if (rowBytes > stride) throw new Error('its rows are shorter than its width');
  checkLength(data, pixelsAt, stride * (height - 1) + rowBytes); // the last row needs no padding
  const indices = new Uint8Array(width * height);
  const perByte = 8 / depth;
  for (let y = 0; y < height; y++) {
    const from = pixelsAt + y * stride;
    for (let x = 0; x < width; x++) {
      const byte = data[from + Math.floor(x / perByte)]!;
      indices[y * width + x] = (byte >> (8 - depth * ((x % perByte) + 1))) & (2 ** depth - 1);
    }
  }
  return indices;
}

/** Run-length encoded indices. Pillow's way with runs that are too long, odd or cut off is kept. */
function unpackRuns(data: Buffer, { width, height, compression, pixelsAt }: Header): Uint8Array {
  if (compression !== RLE8 && compression !== RLE4) throw new Error(`its compression ${compression} is not known`);
  const isRle4 = compression === RLE4;
  const size = width * height;
  const indices = new Uint8Array(size);
  let length = 0;
  const put = (index: number): void => {
    if (length < size) indices[length] = index;
    length++;
  };
  const skip = (count: number): void => {
    length += count;
  };
  let at = pixelsAt;
  let x = 0;
  while (length < size && at + 1 < data.length) {
    const [count, value] = [data[at]!, data[at + 1]!];
    at += 2;
    if (count > 0) {
      const fitting = Math.min(count, Math.max(0, width - x));
      for (let i = 0; i < fitting; i++) put(isRle4 ? (i % 2 === 0 ? value >> 4 : value & 15) : value);
      x += fitting;
    } else if (value === 0) {
      skip((width - (length % width)) % width);
      x = 0;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      if (at + 1 >= data.length) break;
      skip(data[at]! + data[at + 1]! * width);
      x = length % width;
      at += 2;
    } else {
      const bytes = isRle4 ? Math.floor(value / 2) : value;
      const run = data.subarray(at, at + bytes);
      for (const byte of run) {
        if (isRle4) {
          put(byte >> 4);
          put(byte & 15);
        } else put(byte);
      }
      at += run.length;
      if (run.length < bytes) break;
      x += value;
      if (at % 2 !== 0) at++;
    }
  }
  if (length < size) throw new RangeError('the pixels are cut off');
  return indices;
}

/** Pixels of 16, 24 or 32 bits, which are colours. */
function decodeDirect(data: Buffer, header: Header): Uint8Array {
  const { width, height, bits, bottomUp, pixelsAt } = header;
  const toRgb = directReader(header);
  const stride = strideOf(header);
  const pixelBytes = bits / 8;
  checkLength(data, pixelsAt, stride * (height - 1) + width * pixelBytes);
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = pixelsAt + (bottomUp ? height - 1 - y : y) * stride;
    for (let x = 0; x < width; x++) toRgb(data, from + x * pixelBytes, pixels, (y * width + x) * 3);
  }
  return pixels;
}

type PixelReader = (data: Buffer, from: number, pixels: Uint8Array, to: number) => void;

function directReader({ bits, compression, masks }: Header): PixelReader {
  const unknown = new Error(
    compression === BITFIELDS ? 'its bit masks are not known' : `its compression ${compression} is not known`,
  );
  if (compression !== RAW && compression !== BITFIELDS) throw unknown;
  const isMasked = (expected: readonly number[]): boolean => expected.every((mask, i) => masks[i] === mask);
  if (bits === 16) {
    const is565 = compression === BITFIELDS && isMasked([0xf800, 0x7e0, 0x1f]);
    if (compression === BITFIELDS && !is565 && !isMasked([0x7c00, 0x3e0, 0x1f])) throw unknown;
    return packedReader(is565 ? 6 : 5);
  }
  if (bits === 24) {
    if (compression === BITFIELDS && !isMasked([0xff0000, 0xff00, 0xff])) throw unknown;
    return byteReader('BGR');
  }
  if (bits !== 32) throw new Error(`it has ${bits} bits per pixel, a depth that is not known`);
  if (compression === RAW) return byteReader('BGRX');
  const order = ORDERS_32.find(([expected]) => isMasked(expected))?.[1];
  if (order === undefined) throw unknown;
  return byteReader(order);
}

function byteReader(order: string): PixelReader {
  const [red, green, blue] = ['R', 'G', 'B'].map((channel) => order.indexOf(channel)) as [number, number, number];
  return (data, from, pixels, to) => {
    pixels[to] = data[from + red]!;
    pixels[to + 1] = data[from + green]!;
    pixels[to + 2] = data[from + blue]!;
  };
}

/** 16-bit pixels with five bits for red and blue. */
function packedReader(greenBits: 5 | 6): PixelReader {
  const mostGreen = 2 ** greenBits - 1;
  return (data, from, pixels, to) => {
    const pixel = data.readUInt16LE(from);
    pixels[to] = Math.floor((((pixel >> (5 + greenBits)) & 31) * 255) / 31);
    pixels[to + 1] = Math.floor((((pixel >> 5) & mostGreen) * 255) / mostGreen);
    pixels[to + 2] = Math.floor(((pixel & 31) * 255) / 31);
  };
}

function checkLength(data: Buffer, from: number, needed: number): void {
  if (from + needed > data.length) throw new RangeError('the pixels are cut off');
}
