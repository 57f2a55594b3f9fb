import { HOSTILE_NAMES } from './hostile-names.js';
import { mutateBytes } from './mutate-bytes.js';
import type { Random } from './random.js';

/**
 * Records of a zip archive by their signatures, with the offsets and widths of their fields. Source: APPNOTE.TXT 4.3
 */
const RECORDS: readonly { signature: string; fields: readonly (readonly [offset: number, width: 2 | 4])[] }[] = [
  {
    signature: 'PK\x03\x04',
    fields: [
      [4, 2],
      [6, 2],
      [8, 2],
      [14, 4],
      [18, 4],
      [22, 4],
      [26, 2],
      [28, 2],
    ],
  },
  {
    signature: 'PK\x01\x02',
    fields: [
      [4, 2],
      [6, 2],
      [8, 2],
      [10, 2],
      [16, 4],
      [20, 4],
      [24, 4],
      [28, 2],
      [30, 2],
      [32, 2],
      [34, 2],
      [38, 4],
      [42, 4],
    ],
  },
  {
    signature: 'PK\x05\x06',
    fields: [
      [4, 2],
      [6, 2],
      [8, 2],
      [10, 2],
      [12, 4],
      [16, 4],
      [20, 2],
    ],
  },
];
const VALUES = [0, 1, 8, 9, 12, 14, 30, 93, 0x7fff, 0xfffe, 0xffff, 0x7fffffff, 0xfffffffe, 0xffffffff];

/** A damaged copy of a zip archive, with changed record fields, member names or bytes. */
export function mutateZip(archive: Uint8Array, random: Random): Buffer {
  if (random.chance(0.4)) return mutateBytes(archive, random);
  const bytes = Buffer.from(archive);
  const { signature, fields } = random.pick(RECORDS);
  const places = placesOf(bytes, signature);
  if (places.length === 0) return mutateBytes(archive, random);
  const place = random.pick(places);
  if (signature === 'PK\x01\x02' && random.chance(0.3)) return renamed(bytes, place, random);
  const changes = random.pick([1, 1, 2]);
  for (let i = 0; i < changes; i++) {
    const [offset, width] = random.pick(fields);
    const value = random.pick(VALUES);
    if (width === 2) bytes.writeUInt16LE(value & 0xffff, place + offset);
    else bytes.writeUInt32LE(value >>> 0, place + offset);
  }
  return bytes;
}

function placesOf(bytes: Buffer, signature: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(signature, 0, 'latin1'); at >= 0; at = bytes.indexOf(signature, at + 4, 'latin1')) {
    if (at + 46 <= bytes.length || signature === 'PK\x05\x06') places.push(at);
  }
  return places;
}

/** Overwrites a member's name in the directory with a hostile one, truncated to fit. */
function renamed(bytes: Buffer, place: number, random: Random): Buffer {
  const length = bytes.readUInt16LE(place + 28);
  bytes.write(random.pick(HOSTILE_NAMES).padEnd(length, '/'), place + 46, length);
  return bytes;
}
