import { openSafetensors } from '../../../src/model/checkpoint/safetensors.js';

export interface CraftedTensor {
  dtype: string;
  shape: readonly number[];
  bytes: Uint8Array;
}

/** A safetensors file, tensors in the order of the map. */
export function encodeSafetensors(tensors: ReadonlyMap<string, CraftedTensor>): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  return withHeader(JSON.stringify(header), Buffer.concat([...tensors.values()].map(({ bytes }) => bytes)));
}

/** A safetensors file with an arbitrary header and data. */
export function withHeader(header: string, data: Uint8Array, length = BigInt(Buffer.byteLength(header))): Buffer {
  const lengthBytes = Buffer.alloc(8);
  lengthBytes.writeBigUInt64LE(length);
  return Buffer.concat([lengthBytes, Buffer.from(header), data]);
}

/** All tensors of a safetensors file in memory. */
export async function decodeSafetensors(path: string): Promise<Map<string, CraftedTensor>> {
  const source = await openSafetensors(path);
  const tensors = new Map<string, CraftedTensor>();
  for (const [name, { dtype, shape }] of source.tensors) {
    tensors.set(name, { dtype, shape, bytes: await source.read(name) });
  }
  await source.close();
  return tensors;
}
