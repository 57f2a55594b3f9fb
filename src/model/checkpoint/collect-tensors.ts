import { UserError } from '../../shared/errors.js';
import type { Weights } from './open-weights.js';
import { type NameRules, officialName } from './tensor-names.js';
import type { TensorInfo } from './tensor-source.js';

/** The tensors of one or two folders, by their official names. */
export interface Collected {
  readonly infos: Map<string, TensorInfo>;
  /** The weights that each tensor is read from, and its name in them. */
  readonly places: Map<string, { weights: Weights; stored: string }>;
  /** Stored names that no rule matches. */
  readonly unmatched: string[];
}

export function emptyCollection(): Collected {
  return { infos: new Map(), places: new Map(), unmatched: [] };
}

/** Adds the tensors of one folder. @throws UserError when two of them have the same official name */
export function collectTensors({ infos, places, unmatched }: Collected, weights: Weights, rules: NameRules): void {
  for (const [stored, info] of weights.tensors) {
    const name = officialName(stored, rules);
    if (name === null) {
      unmatched.push(stored);
      continue;
    }
    const other = places.get(name);
    if (other !== undefined) {
      throw new UserError(`${info.file}: ${stored} and ${other.stored} both map to the tensor ${name}.`);
    }
    infos.set(name, { ...info, name });
    places.set(name, { weights, stored });
  }
}

/** Makes the LM head an alias of the embedding, unless the files contain a head. @returns whether it did */
export function tieEmbeddings({ infos, places }: Collected): boolean {
  const info = infos.get('model.embed_tokens.weight');
  const place = places.get('model.embed_tokens.weight');
  if (infos.has('lm_head.weight') || info === undefined || place === undefined) return false; // what is missing is reported later
  infos.set('lm_head.weight', { ...info, name: 'lm_head.weight' });
  places.set('lm_head.weight', place);
  return true;
}
