import type { Protocol } from '../benchmarks/benchmark.js';
import { findBenchmark } from '../benchmarks/registry.js';
import { sampleData } from '../evaluation/sample.js';
import { firstOf, type ScoredPredictions, scorePredictions } from '../evaluation/score-predictions.js';
import { scoreText } from '../results/statistics/digits.js';
import { EXIT } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { renderTable } from '../terminal/table.js';

export interface ScoreCommandOptions {
  /** File or folder. */
  predictions: string;
  data?: string;
  split?: string;
  protocol: Protocol;
  ocrTokens?: boolean;
  /** Leave questions without a prediction out of the denominator. */
  allowPartial: boolean;
  json: boolean;
}

/** `llavahr score`: scores on stdout; what did not fit the benchmark on stderr. */
export async function scoreCommand(name: string, options: ScoreCommandOptions): Promise<number> {
  const { split, protocol, ocrTokens, allowPartial, json } = options;
  const definition = findBenchmark(name);
  const folder = options.data ?? sampleData(name);
  const benchmark = await definition.load(folder, { split, protocol, ocrTokens, images: false });
  const scored = await scorePredictions(benchmark, options.predictions, { allowPartial }).finally(() =>
    benchmark.images.close(),
  );
  for (const message of misfits(scored)) say('warn', message);
  console.log(json ? JSON.stringify(scoreRecord(scored, protocol), null, 2) : scoreTable(scored));
  return EXIT.done;
}

/** What is printed with --json: the scores at full precision, and how many predictions there were of what kind. */
function scoreRecord({ metrics, predictions }: ScoredPredictions, protocol: Protocol): object {
  const { benchmark, split, headline, scores, intervals, points, n, failed, unparsable, notes } = metrics;
  return {
    ...{ benchmark, protocol, split, n, failed, headline, scores, intervals, points, unparsable, notes },
    predictions: {
      format: predictions.format,
      missing: predictions.missing.length,
      unknown: predictions.unknown.length,
      duplicates: predictions.duplicates.length,
    },
  };
}

function scoreTable({ metrics, predictions }: ScoredPredictions): string {
  const { benchmark, split, scores, points, n, failed, unparsable, notes } = metrics;
  const rows = Object.keys(scores).map((name) => {
    const { text, interval } = scoreText(metrics, name);
    return [name, points.includes(name) ? 'points' : '%', text, interval ?? ''];
  });
  const title = `${benchmark} ${split}, ${predictions.format}`;
  const counts = [`${n} questions`, `${failed} failed`, ...(unparsable > 0 ? [`${unparsable} unparsable`] : [])];
  return [
    renderTable([title, 'unit', 'score', '95 % interval'], rows, ['left', 'left', 'right', 'left']),
    '',
    counts.join(', '),
    ...notes.map((note) => `Note: ${note}`),
  ].join('\n');
}

/** What of the predictions file does not fit the benchmark. */
function misfits({ predictions: { missing, unknown, duplicates } }: ScoredPredictions): string[] {
  const counts: [string, (string | number)[]][] = [
    ['questions without a prediction, by row', missing],
    ['ids of which the benchmark has no question, left out', unknown],
    ['ids that answer a question again, of which the last answer counts', duplicates],
  ];
  return counts.flatMap(([what, ids]) => (ids.length > 0 ? [`${ids.length} ${what}: ${firstOf(ids)}`] : []));
}
