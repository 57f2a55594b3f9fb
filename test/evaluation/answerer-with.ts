import type { Answerer } from '../../src/evaluation/answerer.js';
import { answerByModel, identityOfModel, type ModelWork } from '../../src/evaluation/model-answerer.js';

/** An answerer that runs a model as it is given, and the limit that batches came to when memory was short. */
export function answererWith(by: Pick<ModelWork, 'sources' | 'limits' | 'inference'>): {
  answerer: Pick<Answerer, 'identity' | 'answer'>;
  shrunkTo(): number | null;
} {
  const identity = identityOfModel(by.sources.model, 'cpu', 'vicuna_v1');
  let shrunkTo: number | null = null;
  const answer: Answerer['answer'] = async (work) => {
    shrunkTo = await answerByModel(work, { ...by, identity, workers: 1 });
  };
  return { answerer: { identity, answer }, shrunkTo: () => shrunkTo };
}
