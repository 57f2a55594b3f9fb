import { UserError } from '../../shared/errors.js';
import type { Weights } from './open-weights.js';
import { type NameRules, officialName } from './tensor-names.js';
import type { TensorInfo } from './tensor-source.js';

/** The tensors of one or two folders, by their official names. */
export interface Collected {
  readonly infos: Map<string, TensorInfo>;
  /** Where a tensor is read from, and its name there. */
  readonly places: Map<string, { weights: Weights; stored: string }>;
  /** Names, as in the files, that no rule knows. */
  readonly strangers: string[];
}

export function emptyCollection(): Collected {
  return { infos: new Map(), places: new Map(), strangers: [] };
}

/** Adds the tensors of one folder. @throws UserError when two of them have the same official name */
export function collectTensors({ infos, places, strangers }: Collected, weights: Weights, rules: NameRules): void {
  for (const [stored, info] of weights.tensors) {
    const name = officialName(stored, rules);
    if (name === null) {
      strangers.push(stored);
      continue;
    }
    const other = places.get(name);
    if (other !== undefined) {
      throw new UserError(`${info.file}: ${stored} and ${other.stored} are both the tensor ${name}.`);
    }
    infos.set(name, { ...info, name });
    places.set(name, { weights, stored });
  }
}

/** Makes the LM head another name of the embedding. */
export function tieEmbeddings({ infos, places }: Collected): void {
  const info = infos.get('model.embed_tokens.weight');
  const place = places.get('model.embed_tokens.weight');
  if (info === undefined || place === undefined) return; // reported with the other missing tensors
  infos.set('lm_head.weight', { ...info, name: 'lm_head.weight' });
  places.set('lm_head.weight', place);
}
