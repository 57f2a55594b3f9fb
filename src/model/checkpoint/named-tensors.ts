import { UserError } from '../../shared/errors.js';
import { type ConfigBlock, keyName } from './config-file.js';
import type { TensorInfo } from './tensor-source.js';

/** The tensors of a checkpoint by their official names. */
export interface NamedTensors {
  /** The checkpoint's folder, for error messages. */
  readonly folder: string;
  readonly infos: ReadonlyMap<string, TensorInfo>;
  /** The tensor's name in the files. */
  storedName(official: string): string;
}

/** `a` or, when its name in the files differs, `a (in the files: b)`. */
export function describeName(tensors: NamedTensors, name: string): string {
  const stored = tensors.storedName(name);
  return stored === name ? name : `${name} (in the files: ${stored})`;
}

/**
 * Shape of a tensor that determines sizes of the model.
 * @throws UserError when it is missing or has the wrong number of axes
 */
export function shapeOf(tensors: NamedTensors, name: string, rank: number): readonly number[] {
  const info = tensors.infos.get(name);
  if (info === undefined) throw new UserError(`${tensors.folder}: tensor ${describeName(tensors, name)} is missing.`);
  if (info.shape.length !== rank || info.shape.includes(0)) {
    throw new UserError(
      `${info.file}: tensor ${describeName(tensors, name)} has shape [${info.shape.join(', ')}], expected ${rank} axes of at least 1.`,
    );
  }
  return info.shape;
}

/** Counts the distinct indices after a prefix such as `model.layers`. */
export function countIndices(tensors: NamedTensors, prefix: string): number {
  const indices = new Set<string>();
  for (const name of tensors.infos.keys()) {
    if (!name.startsWith(`${prefix}.`)) continue;
    const index = name.slice(prefix.length + 1).split('.', 1)[0]!;
    if (/^\d+$/.test(index)) indices.add(index);
  }
  return indices.size;
}

/** @throws UserError when a value in the config contradicts the weights */
export function checkAgainstWeights(
  block: ConfigBlock,
  key: string,
  configured: number | readonly number[] | undefined,
  found: number | readonly number[],
  tensor: string,
): void {
  if (configured === undefined || JSON.stringify(configured) === JSON.stringify(found)) return;
  throw new UserError(
    `${keyName(block, key)} is ${JSON.stringify(configured)}, but ${tensor} in the weights gives ${JSON.stringify(found)}: config and weights are from different models.`,
  );
}

/** Reports an option that is not implemented. @throws UserError always */
export function unsupported(block: ConfigBlock, key: string, reason: string): never {
  throw new UserError(
    `${keyName(block, key)} is ${JSON.stringify(block.values[key])}, which is not supported: ${reason}.`,
  );
}
