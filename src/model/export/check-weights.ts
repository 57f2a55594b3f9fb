import { countOf } from '../../shared/count-of.js';
import { UserError } from '../../shared/errors.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { CheckpointDtype } from '../checkpoint/tensor-source.js';
import type { Precision } from '../precision.js';
import { asUint16 } from './convert-elements.js';

/** Largest magnitude that rounds to a finite float16: anything from 65520 on becomes infinite. */
const FIRST_FLOAT16_OVERFLOW = 65520;

/** The weights of a checkpoint cannot be exported in the precision that was asked for. */
export class WeightError extends UserError {}

/** What keeps a tensor from being exported: an element that is not finite, or that float16 cannot hold. */
export interface WeightProblem {
  kind: 'not-finite' | 'float16-overflow';
  /** The element, or the largest one by magnitude. */
  value: number;
}

/**
 * Looks for elements that are not finite or, with `toFloat16`, become infinite in float16.
 * @param bytes elements of one tensor, little-endian
 */
export function findWeightProblem(
  bytes: Uint8Array,
  dtype: CheckpointDtype,
  toFloat16: boolean,
): WeightProblem | undefined {
  if (dtype === 'other') return undefined; // refused before
  const half = dtype !== 'F32';
  const bits = half ? asUint16(bytes) : asUint32(bytes);
  const valueMask = half ? 0x7fff : 0x7fffffff;
  let largest = 0; // bits of a magnitude order as the magnitudes do, NaN above infinity
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & valueMask;
    if (magnitude > largest) largest = magnitude;
  }
  const value = toNumber(largest, dtype);
  if (!Number.isFinite(value)) return { kind: 'not-finite', value };
  return toFloat16 && value >= FIRST_FLOAT16_OVERFLOW ? { kind: 'float16-overflow', value } : undefined;
}

function asUint32(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

function toNumber(bits: number, dtype: 'F32' | 'F16' | 'BF16'): number {
  const view = new DataView(new ArrayBuffer(4));
  if (dtype === 'F16') return bits < 0x7c00 ? 0 : bits === 0x7c00 ? Number.POSITIVE_INFINITY : Number.NaN; // all finite ones fit
  view.setUint32(0, dtype === 'F32' ? bits : bits << 16);
  return view.getFloat32(0);
}

/**
 * The error for a checkpoint in which a tensor has a problem. Reads the tensors after it too, so that all are named.
 * @param names the tensors of the export, in order
 * @param first the one that was found first, in `names`
 */
export async function weightProblemError(
  checkpoint: Checkpoint,
  names: readonly string[],
  first: string,
  precision: Precision,
): Promise<WeightError> {
  const broken: string[] = [];
  const overflowing: string[] = [];
  for (const name of names.slice(names.indexOf(first))) {
    const problem = findWeightProblem(await checkpoint.read(name), checkpoint.tensor(name).dtype, precision === 'fp16');
    if (problem?.kind === 'not-finite') broken.push(`${name} (${problem.value})`);
    if (problem?.kind === 'float16-overflow') overflowing.push(`${name} (up to ${problem.value.toPrecision(3)})`);
  }
  if (broken.length > 0) {
    return new WeightError(
      `${checkpoint.tensor(first).file}: ${counted(broken)} NaN or infinite: ${shown(broken)}. The training diverged or the ` +
        'file is damaged: download it again, or use an earlier checkpoint.',
    );
  }
  return new WeightError(
    `${checkpoint.folder}: ${counted(overflowing)} too large for float16 (at most 65504): ${shown(overflowing)}. ` +
      'The model was trained in bfloat16 or float32. Use --precision fp32, or int8, whose scales are float32.',
  );
}

function counted(names: readonly string[]): string {
  return `${countOf(names.length, 'tensor has', 'tensors have')} elements that are`;
}

function shown(names: readonly string[]): string {
  const more = names.length - 8;
  return names.slice(0, 8).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
