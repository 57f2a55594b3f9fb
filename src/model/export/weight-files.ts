import { createHash } from 'node:crypto';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { withPath } from '../../shared/system-errors.js';
import type { Architecture } from '../architecture.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { clipPrefix, requiredTensors } from '../checkpoint/required-tensors.js';
import type { WeightLocation } from '../onnx/graph.js';
import type { Int8StorageType, Precision } from '../precision.js';
import { findWeightProblem, weightProblemError } from './check-weights.js';
import { ELEMENT_BYTES } from './convert-elements.js';
import { encodeTensor, storedTensors } from './stored-tensors.js';

/** Tensors start on page boundaries so that ONNX Runtime can memory-map the file. */
const ALIGNMENT = 4096;

/** The weight files of an exported model, shared by the graphs of all resolutions. */
export interface WeightPlan {
  precision: Precision;
  /** Storage type of int8 weights. */
  int8Storage: Int8StorageType;
  /** Shapes of the checkpoint's tensors, in file order. */
  tensors: ReadonlyMap<string, readonly number[]>;
  /** Location of each stored tensor (`storedTensors`) by name. */
  locations: Map<string, WeightLocation>;
  /** Size of each file in bytes. */
  files: Map<string, number>;
}

/** Weight file of a tensor, by its official name: towers and projector in one, the language model in the other. */
function fileOf(name: string): string {
  return /^model\.(vision_tower|mm_projector|image_newline)\b/.test(name) ? 'vision.weights' : 'language.weights';
}

/** Name of the CLIP tower's position embeddings. */
export function positionTableName({ family }: Architecture): string {
  return `${clipPrefix(family)}.embeddings.position_embedding.weight`;
}

/**
 * Plans where each tensor of an architecture is stored; reads and writes nothing. Excludes the position table, which is
 * resampled into the graphs.
 */
export function planWeights(
  architecture: Architecture,
  precision: Precision,
  int8Storage: Int8StorageType,
): WeightPlan {
  const shapes = new Map<string, readonly number[]>(requiredTensors(architecture));
  shapes.delete(positionTableName(architecture));
  const locations = new Map<string, WeightLocation>();
  const files = new Map<string, number>();
  for (const [tensor, tensorShape] of shapes) {
    const file = fileOf(tensor);
    for (const { name, shape, type } of storedTensors(tensor, tensorShape, precision, int8Storage)) {
      const offset = Math.ceil((files.get(file) ?? 0) / ALIGNMENT) * ALIGNMENT;
      const length = shape.reduce((product, dim) => product * dim, 1) * ELEMENT_BYTES[type];
      locations.set(name, { file, offset, length, shape, type });
      files.set(file, offset + length);
    }
  }
  return { precision, int8Storage, tensors: shapes, locations, files };
}

/**
 * Writes the planned files with one tensor in memory at a time. Resumes an interrupted call: tensors are written in order,
 * so a file's size tells which ones are complete.
 * @param onBytes called with the number of bytes written or found since the last call
 * @returns sha256 of each file's tensors in order, without padding
 * @throws WeightError naming every tensor that has NaN, infinities or, in fp16, elements that are too large for it
 */
export async function writeWeights(
  checkpoint: Checkpoint,
  plan: WeightPlan,
  folder: string,
  onBytes: (bytes: number) => void,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const file of plan.files.keys()) {
    const hash = createHash('sha256');
    const handle = await open(join(folder, file), constants.O_RDWR | constants.O_CREAT);
    try {
      const { size } = await handle.stat();
      for (const [tensor, shape] of plan.tensors) {
        if (fileOf(tensor) !== file) continue;
        const names = storedTensors(tensor, shape, plan.precision, plan.int8Storage).map(({ name }) => name);
        const stored = names.map((name) => plan.locations.get(name)!);
        if (stored.every(({ offset, length }) => offset + length <= size)) {
          for (const { offset, length } of stored) {
            for await (const chunk of readRange(handle, offset, length)) {
              hash.update(chunk);
              onBytes(chunk.byteLength);
            }
          }
          continue;
        }
        const { dtype } = checkpoint.tensor(tensor);
        const bytes = await checkpoint.read(tensor);
        if (findWeightProblem(bytes, dtype, plan.precision === 'fp16')) {
          throw await weightProblemError(checkpoint, [...plan.tensors.keys()], tensor, plan.precision);
        }
        const encoded = encodeTensor(tensor, shape, bytes, dtype, plan.precision, plan.int8Storage);
        for (const [i, bytes] of encoded.entries()) {
          hash.update(bytes);
          await writeAll(handle, bytes, stored[i]!.offset);
          onBytes(bytes.byteLength);
        }
      }
      await handle.sync();
    } catch (error) {
      throw withPath(error, join(folder, file));
    } finally {
      await handle.close();
    }
    hashes.set(file, hash.digest('hex'));
  }
  return hashes;
}

/**
 * Hashes a weight file as `writeWeights` does.
 * @returns sha256 of its tensors in order, without padding
 * @throws Error when the file is shorter than planned
 */
export async function hashWeights({ locations }: WeightPlan, folder: string, file: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(join(folder, file));
  try {
    for (const location of locations.values()) {
      if (location.file !== file) continue;
      for await (const chunk of readRange(handle, location.offset, location.length)) hash.update(chunk);
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}

/** Whether weight files of these sizes are laid out as in a plan. */
export function isLaidOutAs({ files }: WeightPlan, weights: readonly { name: string; bytes: number }[]): boolean {
  return weights.length === files.size && weights.every(({ name, bytes }) => files.get(name) === bytes);
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}

async function* readRange(handle: FileHandle, from: number, length: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(length, 1 << 22));
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, length - done), from + done);
    if (bytesRead === 0) throw new Error('a weight file shrank while it was being read');
    yield buffer.subarray(0, bytesRead);
    done += bytesRead;
  }
}
