import type { CheckpointDtype } from '../checkpoint/tensor-source.js';

export const ELEMENT_BYTES = { float32: 4, float16: 2, int64: 8, int8: 1, uint8: 1, bool: 1 } as const;

/**
 * Converts little-endian tensor bytes from a checkpoint's dtype to a graph's.
 * float16 rounds to nearest even; finite values outside float16's range become infinite, as in PyTorch's `half()`.
 */
export function convertElements(bytes: Uint8Array, from: CheckpointDtype, to: 'float32' | 'float16'): Uint8Array {
  if (from === 'other') throw new Error('weights must be F32, F16 or BF16');
  if (from === 'F32') return to === 'float32' ? bytes : toBytes(encodeHalf(asFloat32(bytes)));
  if (from === 'F16') return to === 'float16' ? bytes : toBytes(decodeHalf(asUint16(bytes)));
  return toBytes(to === 'float32' ? decodeBfloat16(asUint16(bytes)) : bfloat16ToHalf(asUint16(bytes)));
}

/** Tensor bytes as float32 values. */
export function toFloat32Values(bytes: Uint8Array, from: CheckpointDtype): Float32Array {
  return asFloat32(convertElements(bytes, from, 'float32'));
}

function decodeHalf(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  const table = halfTable();
  for (let i = 0; i < halves.length; i++) bits[i] = table[halves[i]!]!;
  return new Float32Array(bits.buffer);
}

function decodeBfloat16(values: Uint16Array): Float32Array {
  const bits = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = values[i]! << 16;
  return new Float32Array(bits.buffer);
}

let cachedBfloat16Table: Uint16Array | undefined;

/** By a table of all bfloat16 values: LLaVA-HR's checkpoints are stored so. */
function bfloat16ToHalf(values: Uint16Array): Uint16Array {
  cachedBfloat16Table ??= Uint16Array.from({ length: 0x10000 }, (_, bits) => halfBits(bits << 16));
  const table = cachedBfloat16Table;
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = table[values[i]!]!;
  return halves;
}

let cachedHalfTable: Uint32Array | undefined;

/** float32 bit patterns of all float16 values, indexed by their bits. */
function halfTable(): Uint32Array {
  if (cachedHalfTable) return cachedHalfTable;
  const value = new Float32Array(1);
  const bits = new Uint32Array(value.buffer);
  cachedHalfTable = Uint32Array.from({ length: 0x10000 }, (_, half) => {
    const exponent = (half >> 10) & 0x1f;
    const mantissa = half & 0x3ff;
    const sign = (half & 0x8000) << 16;
    if (exponent === 0x1f) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0;
    value[0] = exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15);
    return (sign | bits[0]!) >>> 0;
  });
  return cachedHalfTable;
}

function encodeHalf(values: Float32Array): Uint16Array {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) halves[i] = halfBits(bits[i]!);
  return halves;
}

/**
 * Converts float32 bits to float16 bits, rounding to nearest even. In int32 arithmetic alone, which is three times as fast
 * as with numbers that may be larger: 7B checkpoints have 7e9 of these.
 */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000)
    return sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x200 | ((magnitude >> 13) & 0x3ff) : 0);
  if (magnitude < 0x38800000) return sign | subnormalHalfBits(magnitude);
  // 112 is the difference of the exponents' biases. A carry out of the mantissa correctly increments the exponent.
  const rounded = ((magnitude + 0xfff + ((magnitude >> 13) & 1)) >> 13) - (112 << 10);
  return sign | (rounded < 0x7c00 ? rounded : 0x7c00);
}

/** float16 bits of a float32 magnitude below 2^-14, in units of 2^-24. */
function subnormalHalfBits(magnitude: number): number {
  const exponent = (magnitude >> 23) - 127;
  if (exponent < -25) return 0;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const shift = -exponent - 1; // 14 to 24
  const half = 1 << (shift - 1);
  const rest = mantissa & ((1 << shift) - 1);
  const floor = mantissa >> shift;
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}

/** Little-endian tensor bytes as 16-bit words; copied only if they are not aligned. */
export function asUint16(bytes: Uint8Array): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}

function asFloat32(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

function toBytes(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
