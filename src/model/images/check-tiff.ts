/** Whether a file begins as TIFF and BigTIFF files do. */
export function isTiff(bytes: Uint8Array): boolean {
  const [first, second, third, fourth] = bytes;
  if (first !== second || (first !== 0x49 && first !== 0x4d)) return false; // II or MM
  const version = first === 0x49 ? [third, fourth] : [fourth, third];
  return (version[0] === 42 || version[0] === 43) && version[1] === 0;
}

/** Tags of a TIFF directory. */
const TAG = {
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  samplesPerPixel: 277,
  stripBytes: 279,
  tileOffsets: 324,
  tileBytes: 325,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
} as const;

const JPEG = 7;
/** None, CCITT group 3 and 4, LZW, JPEG, Deflate under two numbers, PackBits. */
const COMPRESSIONS = [1, 3, 4, 5, JPEG, 8, 32946, 32773];
const UNASSOCIATED_ALPHA = 2;

/** Bytes of a value by its type, 1 to 13 of TIFF and 16 to 18 of BigTIFF. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];
/** Unsigned integers: BYTE, SHORT, LONG, LONG8. */
const INTEGERS = [1, 3, 4, 16];

type Tags = ReadonlyMap<number, readonly number[]>;

/**
 * What keeps a TIFF file from being decoded: libvips and libtiff would read some kinds otherwise than Pillow does, and pixels
 * that are not there or that are compressed in another way as black. Only the first image counts.
 * @returns `kind` for an image of a kind that is not decoded, `problem` for a damaged one; null for neither
 */
export function tiffProblem(bytes: Uint8Array): { kind: string } | { problem: string } | null {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let tags: Tags;
  try {
    tags = readTags(data);
  } catch (error) {
    if (error instanceof RangeError) return { problem: 'its directory is cut off' };
    throw error;
  }
  const kind = unknownKind(tags);
  if (kind !== null) return { kind };
  for (const [offsets, sizes] of [
    [TAG.stripOffsets, TAG.stripBytes],
    [TAG.tileOffsets, TAG.tileBytes],
  ] as const) {
    const lengths = tags.get(sizes) ?? [];
    const isCut = (tags.get(offsets) ?? []).some((offset, i) => offset + (lengths[i] ?? 0) > bytes.length);
    if (isCut) return { problem: 'the file is truncated' };
  }
  return null;
}

function unknownKind(tags: Tags): string | null {
  const one = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const compression = one(TAG.compression, 1);
  if (!COMPRESSIONS.includes(compression)) return `compression ${compression}`;
  if (one(TAG.fillOrder, 1) !== 1) return 'reversed bits';
  const bits = tags.get(TAG.bitsPerSample) ?? [1];
  const samples = one(TAG.samplesPerPixel, 1);
  const formats = tags.get(TAG.sampleFormat) ?? [1];
  if (formats.some((format) => format !== 1)) return 'signed or floating-point samples';
  if (bits.some((depth) => depth !== bits[0])) return 'samples of different depths';
  const depth = bits[0]!;
  const photometric = one(TAG.photometric, -1);
  const extra = tags.get(TAG.extraSamples);
  const hasAlpha = extra?.[0] === UNASSOCIATED_ALPHA;
  const kind = `colours of kind ${photometric} in ${samples} samples of ${depth} bits`;
  switch (photometric) {
    case 0:
    case 1: // grey, white or black first
      if (samples === 1 && [1, 2, 4, 8].includes(depth)) return null;
      if (samples === 1 && depth === 16 && photometric === 1) return null;
      return samples === 2 && depth === 8 && photometric === 1 && hasAlpha ? null : kind;
    case 2: // RGB
      if (depth !== 8 && depth !== 16) return kind;
      if (samples === 3) return null;
      if (samples !== 4) return kind;
      if (extra?.[0] === 1) return 'colours multiplied by alpha';
      return depth === 8 || hasAlpha ? null : kind;
    case 3: // palette
      return samples === 1 && [1, 2, 4, 8].includes(depth) ? null : kind;
    case 5: // CMYK
      return samples === 4 && depth === 8 && one(TAG.inkSet, 1) === 1 ? null : kind;
    case 6: // YCbCr
      return samples === 3 && depth === 8 && compression === JPEG ? null : kind;
    default:
      return kind;
  }
}

/** The tags of the first directory. @throws RangeError when it is cut off */
function readTags(data: Buffer): Tags {
  const little = data[0] === 0x49;
  const u16 = (at: number): number => (little ? data.readUInt16LE(at) : data.readUInt16BE(at));
  const u32 = (at: number): number => (little ? data.readUInt32LE(at) : data.readUInt32BE(at));
  const u64 = (at: number): number => Number(little ? data.readBigUInt64LE(at) : data.readBigUInt64BE(at));
  const readers: Record<number, (at: number) => number> = { 1: (at) => data.readUInt8(at), 2: u16, 4: u32, 8: u64 };
  const isBig = u16(2) === 43;
  const word = isBig ? u64 : u32;
  const wordBytes = isBig ? 8 : 4;
  const directory = word(isBig ? 8 : 4);
  const count = isBig ? u64(directory) : u16(directory);
  const known = new Set<number>(Object.values(TAG));
  const tags = new Map<number, readonly number[]>();
  for (let i = 0; i < count; i++) {
    const at = directory + (isBig ? 8 : 2) + i * (4 + 2 * wordBytes);
    const tag = u16(at);
    const type = u16(at + 2);
    const bytes = TYPE_BYTES[type] ?? 0;
    const values = word(at + 4);
    const valuesAt = at + 4 + wordBytes;
    const from = values * bytes <= wordBytes ? valuesAt : word(valuesAt);
    if (from + values * bytes > data.length) throw new RangeError('the values of a tag are cut off');
    if (!known.has(tag) || tags.has(tag) || !INTEGERS.includes(type)) continue;
    tags.set(
      tag,
      Array.from({ length: values }, (_, k) => readers[bytes]!(from + k * bytes)),
    );
  }
  return tags;
}
