import { UserError } from '../../shared/errors.js';
import { describeName, type NamedTensors } from './named-tensors.js';
import type { TensorShapes } from './required-tensors.js';
import { isKnownUnused } from './tensor-names.js';

/** @throws UserError when a required tensor is missing or has the wrong shape or an unsupported element type */
export function checkTensors(tensors: NamedTensors, required: TensorShapes): void {
  const missing = [...required.keys()].filter((name) => !tensors.infos.has(name));
  if (missing.length > 0) {
    const names = missing.map((name) => describeName(tensors, name));
    throw new UserError(`${tensors.folder}: ${count(names)} missing from the weights: ${list(names, 8)}.`);
  }
  for (const [name, shape] of required) {
    const info = tensors.infos.get(name)!;
    if (`${info.shape}` !== `${shape}`) {
      throw new UserError(
        `${info.file}: tensor ${describeName(tensors, name)} has shape [${info.shape.join(', ')}], but the model needs [${shape.join(', ')}].`,
      );
    }
    if (info.dtype === 'other') {
      throw new UserError(
        `${info.file}: tensor ${describeName(tensors, name)} is not F32, F16 or BF16. Quantised checkpoints are not supported: use the original one.`,
      );
    }
  }
}

/** Notes about tensors that the model does not need. @param unmatched names in the files without an official name */
export function noteUnused(tensors: NamedTensors, unmatched: readonly string[], required: TensorShapes): string[] {
  const unneeded = [...tensors.infos.keys()].filter((name) => !required.has(name));
  const known = unneeded.filter(isKnownUnused);
  const unexpected = [...unneeded.filter((name) => !isKnownUnused(name)), ...unmatched];
  const notes: string[] = [];
  if (known.length > 0) notes.push(`Ignored ${count(known)} that the model never uses: ${list(known, 3)}.`);
  if (unexpected.length > 0) notes.push(`Ignored ${count(unexpected)} with unknown names: ${list(unexpected, 3)}.`);
  return notes;
}

function count(names: readonly string[]): string {
  return `${names.length} ${names.length === 1 ? 'tensor' : 'tensors'}`;
}

function list(names: readonly string[], shown: number): string {
  const more = names.length - shown;
  return names.slice(0, shown).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
