import type { Answers, LoadedBenchmark, Score } from '../benchmarks/benchmark.js';
import type { PredictionRecords } from '../benchmarks/prediction-formats/prediction-record.js';
import { type PredictionSet, readPredictionFile } from '../benchmarks/prediction-formats/read-predictions.js';
import { restrictToRows } from '../benchmarks/shared/restrict-to-rows.js';
import type { Metrics } from '../results/runs/metrics.js';
import { UserError } from '../shared/errors.js';
import { isJudged } from './judged.js';
import { metricsOf } from './score-answers.js';

/** What a predictions file scored, and how it fits the benchmark. */
export interface ScoredPredictions {
  metrics: Metrics;
  predictions: PredictionSet;
  /** Questions without a prediction and those whose prediction is no answer, if they were left out; otherwise null. */
  leftOut: LeftOut | null;
}

export interface LeftOut {
  questions: number;
  /** What the official script makes of them. */
  treatment: string | null;
  /** What it would print; null if it prints nothing. */
  scores: Record<string, number> | null;
}

export interface ScorePredictionsOptions {
  /** Leave questions without an answer out of every mean. */
  allowPartial: boolean;
  /** As in `readPredictionFile`. */
  reading?: Promise<PredictionRecords>;
  /** Grades the answers of benchmarks that a judge scores. */
  judge?: (benchmark: LoadedBenchmark, answers: Answers) => Promise<Score>;
}

/**
 * Scores answers that any program made. The metrics have no scores for splits that a server or a judge scores.
 * @param path as in `readPredictionFile`
 * @throws UserError if predictions are missing and `allowPartial` is false
 */
export async function scorePredictions(
  benchmark: LoadedBenchmark,
  path: string,
  { allowPartial, reading, judge }: ScorePredictionsOptions,
): Promise<ScoredPredictions> {
  const predictions = await readPredictionFile(path, benchmark, { allowTornLine: allowPartial, reading });
  if (!allowPartial) checkComplete(benchmark, path, predictions);
  const { answers } = predictions;
  const answered = answers.flatMap((answer, row) => (answer === null ? [] : [row]));
  const isPart = allowPartial && answered.length < answers.length;
  if (isPart && answered.length === 0) throw new UserError(`${path} has no answer: all of its predictions are null.`);
  const asked = isPart ? restrictToRows(benchmark, answered) : benchmark;
  const given = isPart ? answered.map((row) => answers[row]!) : answers;
  const score = judge && isJudged(benchmark) ? await judge(asked, given) : asked.score(given);
  return {
    metrics: metricsOf(asked, given, score),
    predictions,
    leftOut: isPart ? leftOutOf(benchmark, answers) : null,
  };
}

function leftOutOf({ missingAnswers }: LoadedBenchmark, answers: Answers): LeftOut {
  return {
    questions: answers.filter((answer) => answer === null).length,
    treatment: missingAnswers?.treatment ?? null,
    scores: missingAnswers?.scores?.(answers) ?? null,
  };
}

function checkComplete(
  { name, split, questions }: LoadedBenchmark,
  path: string,
  { missing, unknown }: PredictionSet,
): void {
  if (missing.length === 0) return;
  const ids = firstOf(missing.map((row) => questions[row]!.questionId));
  const others =
    unknown.length === 0
      ? ''
      : `Ids in it that are unknown, or whose question the prompt does not ask: ${firstOf(unknown)}. `;
  throw new UserError(
    `${path} has no prediction for ${missing.length} of the ${questions.length} questions of ${name} ${split}: ${ids}. ` +
      `${others}--allow-partial scores those that are there.`,
  );
}

const SHOWN = 5;

/** The first few of a list of ids, as text. They come from files of others, so their control characters are escaped. */
export function firstOf(ids: readonly (string | number)[]): string {
  const shown = ids.slice(0, SHOWN).map((id) => JSON.stringify(id));
  const more = ids.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
