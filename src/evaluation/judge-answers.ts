import type { Answers, LoadedBenchmark, Score } from '../benchmarks/benchmark.js';
import { mmVet, mmVetId } from '../benchmarks/mmvet.js';
import { gradeMmVet } from '../benchmarks/mmvet-judge.js';
import type { JudgeRecord } from '../results/runs/metrics.js';
import { environmentValue } from '../shared/environment.js';
import type { Ownership } from '../shared/json-file.js';
import { redactText } from '../shared/redact.js';
import { type Progress, startProgress } from '../terminal/answer-progress.js';

/** The language model that grades free-form answers, and how often. */
export interface JudgeChoice {
  /** Server with an OpenAI-compatible chat completions API, such as http://localhost:8000/v1. */
  baseUrl: string;
  model: string;
  /** Environment variable with the API key. */
  keyVariable: string;
  /** Times each answer is graded; grades are averaged. */
  runs: number;
}

/** What a run records of its judge. */
export function judgeRecord({ baseUrl, model, runs }: JudgeChoice, missing: number): JudgeRecord {
  return { server: redactText(baseUrl), model, runs, missing, gradedAt: new Date().toISOString() };
}

/** Whether a judge has graded everything that this choice would grade. */
export function isGradedBy(record: JudgeRecord | undefined, choice: JudgeChoice): boolean {
  if (record === undefined || record.missing > 0) return false;
  const { server, model, runs } = judgeRecord(choice, 0);
  return record.server === server && record.model === model && record.runs === runs;
}

/** Whether this benchmark is scored by a judge. */
export function isJudged({ name }: LoadedBenchmark): boolean {
  return name === mmVet.name;
}

/**
 * Lets a judge grade the answers, and reports the expected and the actual number of tokens.
 * @param options.folder folder with the benchmark's annotations
 * @param options.cachePath file for the grades; grades in it are not requested again
 */
export async function judgeAnswers(
  benchmark: LoadedBenchmark,
  answers: Answers,
  judge: JudgeChoice,
  options: {
    folder: string;
    cachePath: string;
    owner?: Ownership;
    signal: AbortSignal;
    stream: NodeJS.WriteStream;
    /** Told how many gradings failed. */
    onMissing?: (gradings: number) => void;
  },
): Promise<Score> {
  const { folder, cachePath, owner, signal, stream } = options;
  const { baseUrl, model, keyVariable, runs } = judge;
  let progress: Progress | undefined;
  const { score, failures, usage } = await gradeMmVet({
    folder,
    answers: new Map(benchmark.questions.map(({ index, questionId }) => [mmVetId(questionId), answers[index]!])),
    judge: { baseUrl, model, apiKeyEnv: environmentValue(keyVariable) === undefined ? undefined : keyVariable },
    runs,
    cachePath,
    owner,
    signal,
    onProgress(done, total) {
      progress ??= startProgress({ total, done, stream, unit: 'gradings' });
      progress.update({ answered: done, failed: 0, meanScore: null });
    },
    onNotice: (message) => (progress ? progress.log(message) : stream.write(`${message}\n`)),
    onEstimate: ({ requests, promptTokens, completionTokens }) => {
      stream.write(
        `Judge ${model}: ${requests} requests, about ${promptTokens} prompt tokens, at most ${completionTokens} completion tokens\n`,
      );
    },
  }).finally(() => progress?.stop());
  stream.write(
    `Judge ${model}: used ${usage.promptTokens} prompt tokens, ${usage.completionTokens} completion tokens\n`,
  );
  for (const { id, run, reason } of failures) stream.write(`No grade for ${id} in grading run ${run + 1}: ${reason}\n`);
  options.onMissing?.(failures.length);
  return score;
}
