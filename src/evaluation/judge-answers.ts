import type { Answers, LoadedBenchmark, Score } from '../benchmarks/benchmark.js';
import { mmVet, mmVetId } from '../benchmarks/mmvet.js';
import { gradeMmVet } from '../benchmarks/mmvet-judge.js';

/** Which language model grades free-form answers, and how often. */
export interface JudgeChoice {
  /** Of a server with OpenAI's chat completions, such as http://localhost:8000/v1. */
  baseUrl: string;
  model: string;
  /** Environment variable that holds the key. */
  keyVariable: string;
  /** Gradings of every answer, which are averaged. */
  runs: number;
}

/** Whether a judge scores this benchmark. */
export function isJudged({ name }: LoadedBenchmark): boolean {
  return name === mmVet.name;
}

/**
 * Has a judge grade the answers and says what it will cost and how far it is.
 * @param options.folder with the benchmark's annotations
 * @param options.cachePath file for the grades; those it holds are not asked for again
 */
export async function judgeAnswers(
  benchmark: LoadedBenchmark,
  answers: Answers,
  judge: JudgeChoice,
  options: { folder: string; cachePath: string; signal: AbortSignal; stream: NodeJS.WriteStream },
): Promise<Score> {
  const { folder, cachePath, signal, stream } = options;
  const { baseUrl, model, keyVariable, runs } = judge;
  const { score, failures, usage } = await gradeMmVet({
    folder,
    answers: new Map(benchmark.questions.map(({ index, questionId }) => [mmVetId(questionId), answers[index]!])),
    judge: { baseUrl, model, apiKeyEnv: process.env[keyVariable] === undefined ? undefined : keyVariable },
    runs,
    cachePath,
    signal,
    onEstimate: ({ requests, promptTokens, completionTokens }) => {
      stream.write(
        `Judge ${model}: ${requests} requests, about ${promptTokens} prompt tokens and at most ${completionTokens} for grades\n`,
      );
    },
  });
  stream.write(`Judge ${model}: used ${usage.promptTokens} prompt tokens and ${usage.completionTokens} for grades\n`);
  for (const { id, run, reason } of failures) stream.write(`no grade for ${id} in run ${run + 1}: ${reason}\n`);
  return score;
}
