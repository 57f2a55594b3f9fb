import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { type PredictionSet, readPredictionFile } from '../benchmarks/prediction-formats/read-predictions.js';
import { restrictToRows } from '../benchmarks/shared/restrict-to-rows.js';
import type { Metrics } from '../results/runs/metrics.js';
import { UserError } from '../shared/errors.js';
import { scoreAnswers } from './score-answers.js';

/** What a predictions file scored, and how it fits the benchmark. */
export interface ScoredPredictions {
  metrics: Metrics;
  predictions: PredictionSet;
}

/**
 * Scores answers that any program made.
 * @param path as in `readPredictionFile`
 * @param options.allowPartial leave questions without a prediction out of the denominator
 * @throws UserError when predictions are missing and `allowPartial` is false, or the split is not scored here
 */
export async function scorePredictions(
  benchmark: LoadedBenchmark,
  path: string,
  { allowPartial }: { allowPartial: boolean },
): Promise<ScoredPredictions> {
  const predictions = await readPredictionFile(path, benchmark, { allowTornLine: allowPartial });
  const { answers, missing } = predictions;
  const asked = missing.length === 0 ? null : askedRows(benchmark, path, predictions, allowPartial);
  const { metrics, score } = asked
    ? scoreAnswers(
        restrictToRows(benchmark, asked),
        asked.map((row) => answers[row]!),
      )
    : scoreAnswers(benchmark, answers);
  if (score) return { metrics, predictions };
  throw new UserError(
    `${benchmark.name} ${benchmark.split} is scored by an evaluation server or a judge, not here. \`llavahr list\` tells ` +
      'which splits are scored here.',
  );
}

function askedRows(
  { name, split, questions }: LoadedBenchmark,
  path: string,
  { missing }: PredictionSet,
  allowPartial: boolean,
): number[] {
  if (allowPartial) {
    const isMissing = new Set(missing);
    return questions.flatMap(({ index }) => (isMissing.has(index) ? [] : [index]));
  }
  const ids = firstOf(missing.map((row) => questions[row]!.questionId));
  throw new UserError(
    `${path} has no prediction for ${missing.length} of the ${questions.length} questions of ${name} ${split}: ${ids}. ` +
      '--allow-partial scores those that are there.',
  );
}

const SHOWN = 5;

/** The first few of a list of ids, as text. They come from files of others, so their control characters are escaped. */
export function firstOf(ids: readonly (string | number)[]): string {
  const shown = ids.slice(0, SHOWN).map((id) => JSON.stringify(id));
  const more = ids.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
