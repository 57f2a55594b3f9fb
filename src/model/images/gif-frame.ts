/** The first frame of a GIF file. */
export interface GifFrame {
  canvas: { width: number; height: number };
  /** Position of the frame on the canvas, in pixels. */
  left: number;
  top: number;
  /** RGB of the canvas around the frame. */
  fill: Uint8Array;
  /** A GIF file with only this frame, opaque, on a canvas of the frame's size. */
  file: Uint8Array;
}

const HEADER_BYTES = 13;
const DESCRIPTOR_BYTES = 10;
const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;
const IMAGE_DESCRIPTOR = 0x2c;
const TRAILER = 0x3b;
const HAS_COLOURS = 0x80;
const INTERLACED = 0x40;

/**
 * Extracts the first frame of a GIF file. GIF decoders make transparent pixels and the canvas around the frame black;
 * Pillow's RGB conversion uses the palette colour of the transparent index (without one, of index 0).
 * Source: Pillow 12 GifImagePlugin.py; GIF89a.
 * @throws RangeError when the file is truncated
 * @throws Error when it has no frame or no palette
 */
export function firstGifFrame(bytes: Uint8Array): GifFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const screenFlags = view.getUint8(10);
  let colours = colourTable(bytes, HEADER_BYTES, screenFlags);
  let transparent = 0;
  let at = HEADER_BYTES + colours.length;
  while (view.getUint8(at) === EXTENSION) {
    const isTransparent = view.getUint8(at + 1) === GRAPHIC_CONTROL && (view.getUint8(at + 3) & 1) === 1;
    if (isTransparent) transparent = view.getUint8(at + 6);
    at = endOfBlocks(view, at + 2);
  }
  if (view.getUint8(at) !== IMAGE_DESCRIPTOR) throw new Error('the GIF file has no frame');

  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true)) as Four;
  const flags = view.getUint8(at + 9);
  const data = at + DESCRIPTOR_BYTES;
  const ownColours = colourTable(bytes, data, flags);
  const sizeBits = (ownColours.length > 0 ? flags : screenFlags) & 7;
  if (ownColours.length > 0) colours = ownColours;
  if (colours.length === 0) throw new Error('the GIF file has no palette');

  const codes = data + ownColours.length;
  const size = [width & 0xff, width >> 8, height & 0xff, height >> 8];
  return {
    canvas: {
      width: Math.max(view.getUint16(6, true), left + width),
      height: Math.max(view.getUint16(8, true), top + height),
    },
    left,
    top,
    fill: colours.slice(3 * transparent, 3 * transparent + 3),
    file: Buffer.concat([
      Buffer.from('GIF89a'),
      Uint8Array.from([...size, HAS_COLOURS | sizeBits, 0, 0]),
      colours,
      Uint8Array.from([IMAGE_DESCRIPTOR, 0, 0, 0, 0, ...size, flags & INTERLACED]),
      bytes.subarray(codes, endOfBlocks(view, codes + 1)),
      Uint8Array.of(TRAILER),
    ]),
  };
}

type Four = [number, number, number, number];

/** RGB triples; empty when the flags declare no colour table. */
function colourTable(bytes: Uint8Array, start: number, flags: number): Uint8Array {
  return flags & HAS_COLOURS ? bytes.subarray(start, start + (6 << (flags & 7))) : new Uint8Array(0);
}

/** Offset after a chain of length-prefixed blocks, which ends with an empty block. */
function endOfBlocks(view: DataView, start: number): number {
  let at = start;
  for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) at += 1 + length;
  return at + 1;
}
