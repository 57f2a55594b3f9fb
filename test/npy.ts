import { readFileSync } from 'node:fs';

/** Reads a float32 or uint8 .npy file (version 1.0, C order) as saved by numpy. */
export function readNpy(path: string): { shape: number[]; data: Float32Array | Uint8Array } {
  const bytes = readFileSync(path);
  const headerEnd = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, headerEnd);
  const shape = [...header.matchAll(/\d+(?=,|\))/g)].map((match) => Number(match[0]));
  const body = bytes.subarray(headerEnd).slice();
  const type = /'descr': '([^']+)'/.exec(header)?.[1];
  if (type === '|u1') return { shape, data: new Uint8Array(body) };
  if (type === '<f4') return { shape, data: new Float32Array(new Uint8Array(body).buffer) };
  throw new Error(`${path} holds ${type}`);
}

/** Largest absolute difference of two arrays of equal length. */
export function maxError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length}`);
  let error = 0;
  for (let i = 0; i < a.length; i++) error = Math.max(error, Math.abs(a[i]! - b[i]!));
  return error;
}
