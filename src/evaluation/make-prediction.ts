import type { LoadedBenchmark, Question } from '../benchmarks/benchmark.js';
import type { Prediction } from '../results/runs/predictions.js';
import { answerId } from '../results/runs/run-identity.js';
import type { AnswererIdentity } from './answerer.js';

/** What all predictions of a run share. */
export interface PredictionMaker {
  benchmark: LoadedBenchmark;
  identity: AnswererIdentity;
}

/** A question that was asked, and the sha256 of its image's file. */
export interface AskedQuestion {
  question: Question;
  imageSha256: string | null;
}

/** @param tokens of the answer, including the end token unless the token limit was reached first; null if not counted */
export function answered(
  maker: PredictionMaker,
  { question, imageSha256 }: AskedQuestion,
  text: string,
  tokens: number | null,
): Prediction {
  return { ...head(maker, question, imageSha256), text, tokens };
}

/** The line for a question without an answer. @param code what kind of failure, as counted in summaries */
export function failed(maker: PredictionMaker, question: Question, code: string, message: string): Prediction {
  return { ...head(maker, question, null), text: null, error: { code, message } };
}

/** The `answer_id` of a question's answer: another one means another model, prompt or image. */
export function answerIdOf(
  { benchmark, identity }: PredictionMaker,
  { text }: Question,
  imageSha256: string | null,
): string {
  const { model, generation, preprocessingVersion } = identity;
  const { weightsHash, resolution } = model;
  const { systemPrompt } = benchmark;
  const prompt = systemPrompt === undefined ? text : JSON.stringify([systemPrompt, text]);
  return answerId({
    ...{ weightsHash, resolution, prompt, imageSha256 },
    ...{ maxNewTokens: benchmark.maxNewTokens, generation, preprocessingVersion },
  });
}

function head(maker: PredictionMaker, question: Question, imageSha256: string | null) {
  return {
    index: question.index,
    question_id: question.questionId,
    prompt: question.text,
    answer_id: answerIdOf(maker, question, imageSha256),
    model_id: maker.identity.model.name,
    metadata: {},
  };
}
