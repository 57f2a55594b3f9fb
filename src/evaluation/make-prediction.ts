import type { LoadedBenchmark, Question } from '../benchmarks/benchmark.js';
import { type Model, PREPROCESSING_VERSION, weightsHash } from '../model/model-folder.js';
import { answerText } from '../model/prompt.js';
import type { Tokenizer } from '../model/tokenizer/tokenizer.js';
import type { Prediction } from '../results/runs/predictions.js';
import { answerId } from '../results/runs/run-identity.js';
import type { ReadyQuestion } from './prepare-batch.js';

/** Decoding method, part of the run's identity. */
export const GENERATION = { method: 'greedy' } as const;

/** What all predictions of a run share. */
export interface PredictionMaker {
  benchmark: LoadedBenchmark;
  model: Model;
  tokenizer: Tokenizer;
}

export function answered(maker: PredictionMaker, { question, imageSha256 }: ReadyQuestion, ids: number[]): Prediction {
  return {
    ...head(maker, question, imageSha256),
    text: answerText(maker.tokenizer, ids),
    tokens: tokensWithEnd(ids, maker.benchmark.maxNewTokens),
  };
}

export function failed(maker: PredictionMaker, question: Question, code: string, message: string): Prediction {
  return { ...head(maker, question, null), text: null, error: { code, message } };
}

/** Number of tokens of an answer, including the end token unless the token limit was reached first. */
export function tokensWithEnd(ids: readonly number[], maxNewTokens: number): number {
  return Math.min(ids.length + 1, maxNewTokens);
}

/** The `answer_id` of a question's answer: another one means another model, prompt or image. */
export function answerIdOf(
  { benchmark, model }: Pick<PredictionMaker, 'benchmark' | 'model'>,
  { text }: Question,
  imageSha256: string | null,
): string {
  return answerId({
    weightsHash: weightsHash(model.manifest),
    resolution: model.vision.resolution,
    prompt: text,
    imageSha256,
    maxNewTokens: benchmark.maxNewTokens,
    generation: GENERATION,
    preprocessingVersion: PREPROCESSING_VERSION,
  });
}

function head(maker: PredictionMaker, question: Question, imageSha256: string | null) {
  return {
    index: question.index,
    question_id: question.questionId,
    prompt: question.text,
    answer_id: answerIdOf(maker, question, imageSha256),
    model_id: maker.model.manifest.name,
    metadata: {},
  };
}
