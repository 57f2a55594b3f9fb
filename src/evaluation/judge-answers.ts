import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answers, LoadedBenchmark, Score } from '../benchmarks/benchmark.js';
import { mmVetId } from '../benchmarks/mmvet.js';
import { GRADE_MAX_TOKENS } from '../benchmarks/mmvet-grading-prompt.js';
import { gradeMmVet } from '../benchmarks/mmvet-judge.js';
import { checkJudge, type JudgeServer } from '../benchmarks/shared/judge-client.js';
import { costOf, costText, type TokenPrices } from '../results/runs/latency.js';
import { type JudgeRecord, metricsFile } from '../results/runs/metrics.js';
import { countOf } from '../shared/count-of.js';
import { environmentValue } from '../shared/environment.js';
import type { Ownership } from '../shared/json-file.js';
import { say } from '../shared/log.js';
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
  /** To tell the cost (default: only tokens are told). */
  prices?: TokenPrices;
}

const TEST_QUESTION = { text: 'Reply with the digit 1.', maxTokens: GRADE_MAX_TOKENS, temperature: 0 };

/**
 * Asks the judge a test question before any work is done for it. A run in `output` that it has graded may be the one asked
 * for, which needs the judge no more.
 * @throws UserError when the judge cannot be used
 */
export async function checkJudgeBefore(choice: JudgeChoice, output: string, signal: AbortSignal): Promise<void> {
  if (await hasGradedIn(output, choice)) return;
  await checkJudge(serverOf(choice), TEST_QUESTION, { signal, onNotice: (message) => say('warn', message) });
}

async function hasGradedIn(output: string, choice: JudgeChoice): Promise<boolean> {
  const names = await readdir(output).catch(() => []);
  for (const name of names) {
    const metrics = await metricsFile.read(join(output, name)).catch(() => null);
    if (isGradedBy(metrics?.judge, choice)) return true;
  }
  return false;
}

/** Without a key where the variable is not set: servers of one's own want none. */
function serverOf({ baseUrl, model, keyVariable }: JudgeChoice): JudgeServer {
  return { baseUrl, model, apiKeyEnv: environmentValue(keyVariable) === undefined ? undefined : keyVariable };
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
  const { model, runs, prices } = judge;
  const costs = (prompt: number, completion: number): string =>
    prices ? `: ${costText(costOf(prompt, completion, prices))} by --judge-prices` : '';
  let progress: Progress | undefined;
  const { score, failures, usage, judgeModels } = await gradeMmVet({
    folder,
    answers: new Map(benchmark.questions.map(({ index, questionId }) => [mmVetId(questionId), answers[index]!])),
    judge: serverOf(judge),
    runs,
    cachePath,
    owner,
    signal,
    onProgress(done, total) {
      progress ??= startProgress({ total, done, stream, unit: 'gradings' });
      progress.update({ answered: done, failed: 0, score: null });
    },
    onNotice: (message) => say('warn', message),
    onEstimate: ({ requests, promptTokens, completionTokens }) => {
      stream.write(
        `Judge ${model}: ${countOf(requests, 'request')}, about ${promptTokens} prompt tokens, at most ${completionTokens} completion tokens${costs(promptTokens, completionTokens)}\n`,
      );
    },
  }).finally(() => progress?.stop());
  stream.write(
    `Judge ${model}: used ${usage.promptTokens} prompt tokens, ${usage.completionTokens} completion tokens${costs(usage.promptTokens, usage.completionTokens)}\n`,
  );
  for (const { id, run, reason } of failures) say('warn', `No grade for ${id} in grading run ${run + 1}: ${reason}`);
  options.onMissing?.(failures.length);
  return { ...score, notes: [...modelNotes(model, judgeModels), ...score.notes] };
}

/** A name such as gpt-4 stands for other models over time, of which grades may be mixed. @param named by the server */
function modelNotes(asked: string, named: readonly string[]): string[] {
  if (named.every((name) => name === asked)) return [];
  if (named.length === 1) return [`The judge's server calls the model ${named[0]}.`];
  return [`The grades are of different models, as the judge's server calls them: ${named.join(', ')}.`];
}
