import type { Random } from './random.js';

/** Byte values with special meaning in many formats: signs, continuations, markers. */
const SPECIAL_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
/** Lengths and offsets at which arithmetic overflows or the sign changes. */
const SPECIAL_NUMBERS = [0n, 1n, 0x7fn, 0xffn, 0x7fffn, 0xffffn, 0x7fffffffn, 0xffffffffn, 1n << 53n, (1n << 63n) - 1n];

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const MUTATIONS: readonly Mutation[] = [flipBit, setByte, setByte, setNumber, truncate, cut, repeat, splice, insert];

/** A damaged copy with one to four changes, usually one, since a file with several is often refused at the first. */
export function mutateBytes(bytes: Uint8Array, random: Random): Buffer {
  let result: Buffer = Buffer.from(bytes);
  const changes = random.pick([1, 1, 1, 2, 4]);
  for (let i = 0; i < changes && result.length > 0; i++) result = random.pick(MUTATIONS)(result, random);
  return result;
}

function flipBit(bytes: Buffer, random: Random): Buffer {
  bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return bytes;
}

function setByte(bytes: Buffer, random: Random): Buffer {
  bytes[random.below(bytes.length)] = random.chance(0.5) ? random.pick(SPECIAL_BYTES) : random.below(256);
  return bytes;
}

/** Overwrites a field of 2, 4 or 8 bytes, which may be a length or an offset. */
function setNumber(bytes: Buffer, random: Random): Buffer {
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(random.pick(SPECIAL_NUMBERS));
  if (random.chance(0.3)) field.reverse();
  const width = random.pick([2, 4, 8]);
  bytes.set(field.subarray(0, Math.min(width, bytes.length)), random.below(Math.max(1, bytes.length - width)));
  return bytes;
}

function truncate(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, random.below(bytes.length));
}

/** Removes a part. */
function cut(bytes: Buffer, random: Random): Buffer {
  const { start, end } = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}

function repeat(bytes: Buffer, random: Random): Buffer {
  const { start, end } = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
}

/** Copies a part over another one. */
function splice(bytes: Buffer, random: Random): Buffer {
  const { start, end } = range(bytes, random);
  bytes.copy(bytes, random.below(bytes.length), start, end);
  return bytes;
}

function insert(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const added = Buffer.alloc(1 + random.below(16), random.chance(0.5) ? random.pick(SPECIAL_BYTES) : random.below(256));
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
}

function range(bytes: Buffer, random: Random): { start: number; end: number } {
  const start = random.below(bytes.length);
  return { start, end: start + 1 + random.below(Math.min(64, bytes.length - start)) };
}
