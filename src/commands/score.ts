import { join } from 'node:path';
import type { LoadedBenchmark, Protocol } from '../benchmarks/benchmark.js';
import { checkOptions } from '../benchmarks/benchmark-options.js';
import { readPredictionRecords } from '../benchmarks/prediction-formats/read-prediction-records.js';
import { findBenchmark } from '../benchmarks/registry.js';
import { isJudged, JUDGE_GRADES } from '../evaluation/judged.js';
import { firstOf, type LeftOut, type ScoredPredictions, scorePredictions } from '../evaluation/score-predictions.js';
import { writeSubmission } from '../evaluation/write-submission.js';
import type { Metrics } from '../results/runs/metrics.js';
import { scoreText } from '../results/statistics/digits.js';
import { cacheFolder } from '../shared/cache-folder.js';
import { countOf } from '../shared/count-of.js';
import { EXIT, UserError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { visibleLine } from '../shared/visible-text.js';
import { wrapText } from '../shared/wrap-text.js';
import { terminalWidth } from '../terminal/style.js';
import { renderTable } from '../terminal/table.js';
import { annotationFolder } from './data-folder.js';
import { interruptible } from './interrupt.js';
import { printJson, type ScoreJson } from './json-output.js';
import { type JudgeOptions, judgeChoice } from './judge-choice.js';

export interface ScoreCommandOptions extends JudgeOptions {
  /** File or folder. */
  predictions: string;
  data?: string;
  split?: string;
  protocol?: Protocol;
  ocrTokens?: boolean;
  /** Score only the questions that have a prediction. */
  allowPartial: boolean;
  /** Folder for submission files and the judge's grades. */
  output?: string;
  json: boolean;
}

/** `llavahr score`: prints scores on stdout; what was written and mismatched predictions on stderr. */
export async function scoreCommand(name: string, options: ScoreCommandOptions): Promise<number> {
  const { split, protocol = 'llava', ocrTokens, allowPartial, output, json } = options;
  const { judge: judgeUrl, judgeModel, judgeRuns, judgeKey, judgePrices } = options;
  const definition = findBenchmark(name);
  checkOptions([definition], {
    ...{ split, protocol: options.protocol, ocrTokens },
    ...{ judge: judgeUrl, judgeModel, judgeRuns, judgeKey, judgePrices },
  });
  const judge = judgeChoice(options);
  const folder = annotationFolder(definition, options.data, split);
  const loading = definition.load(folder, { split, protocol, ocrTokens, images: false });
  // At the same time, since a thread of its own parses the annotations of large benchmarks.
  const reading = readPredictionRecords(options.predictions, definition.name, { allowTornLine: allowPartial });
  reading.catch(() => {}); // thrown below, if the benchmark is in order
  const benchmark = await loading;
  const { signal, stop } = interruptible('Stopping after the requests to the judge that are under way.');
  try {
    const scored = await scorePredictions(benchmark, options.predictions, {
      allowPartial,
      reading,
      judge: judge
        ? async (asked, answers) => {
            const { judgeAnswers } = await import('../evaluation/judge-answers.js'); // with an HTTP client, for few
            const cachePath = join(output ?? cacheFolder(), JUDGE_GRADES);
            return judgeAnswers(asked, answers, judge, { folder, cachePath, signal, stream: process.stderr });
          }
        : undefined,
    });
    for (const message of mismatches(scored)) say('warn', message);
    const files = output === undefined ? [] : await writeSubmission(output, benchmark, scored.predictions.answers);
    for (const path of files) say('info', `wrote ${path}`);
    if (output !== undefined && files.length === 0) {
      say('warn', `--output ${output}: evaluation servers and official scripts take no file of ${benchmark.name}.`);
    }
    const isScored = Object.keys(scored.metrics.scores).length > 0;
    if (!isScored && files.length === 0) throw notScored(benchmark, output !== undefined);
    if (json) printJson<ScoreJson>({ ...scoreRecord(scored, protocol), files });
    else if (isScored) console.log(scoreTable(scored));
    return EXIT.done;
  } finally {
    stop();
    await benchmark.images.close();
  }
}

function notScored(benchmark: LoadedBenchmark, hasOutput: boolean): UserError {
  const { name, split } = benchmark;
  if (isJudged(benchmark)) {
    return new UserError(
      `${name} is graded by a language model. Name one with --judge <url> and --judge-model <name>.`,
    );
  }
  const advice = hasOutput ? '' : ' --output <folder> writes the file to submit.';
  return new UserError(`${name} ${split} is scored by an evaluation server, not here.${advice}`);
}

/** Output of --json: scores at full precision and counts of missing, unknown and duplicate predictions. */
function scoreRecord(
  { metrics, predictions, leftOut }: ScoredPredictions,
  protocol: Protocol,
): Omit<ScoreJson, 'schemaVersion' | 'files'> {
  const { benchmark, split, headline, scores, counts, intervals, points, n, failed, unparsable, notes } = metrics;
  return {
    benchmark,
    protocol,
    split,
    n,
    failed,
    headline,
    scores,
    counts,
    intervals,
    points,
    unparsable,
    notes,
    leftOut,
    predictions: {
      format: predictions.format,
      missing: predictions.missing.length,
      unknown: predictions.unknown.length,
      duplicates: predictions.duplicates.length,
      otherPrompts: predictions.otherPrompts.length,
      byOrder: predictions.byOrder.length,
    },
  };
}

function scoreTable({ metrics, predictions, leftOut }: ScoredPredictions): string {
  const { benchmark, split, scores, points, n, failed, unparsable, notes } = metrics;
  const rows = Object.keys(scores).map((name) => {
    const { text, interval } = scoreText(metrics, name);
    return [name, points.includes(name) ? 'points' : '%', text, interval ?? ''];
  });
  const title = `${benchmark} ${split}, ${predictions.format}`;
  const counts = [countOf(n, 'question'), `${failed} failed`, ...(unparsable > 0 ? [`${unparsable} unparsable`] : [])];
  return [
    renderTable([title, 'unit', 'score', '95 % interval'], rows, ['left', 'left', 'right', 'left']),
    '',
    counts.join(', '),
    ...[...notes, ...officialNotes(leftOut, metrics)].map((note) =>
      wrapText(`Note: ${visibleLine(note)}`, terminalWidth),
    ),
  ].join('\n');
}

/** How the official script treats the questions that were left out here. */
function officialNotes(leftOut: LeftOut | null, { points }: Metrics): string[] {
  if (!leftOut?.treatment) return [];
  const figures = Object.entries(leftOut.scores ?? {}).map(
    ([name, score]) => `${name} ${score.toFixed(2)}${points.includes(name) ? '' : ' %'}`,
  );
  return [`${leftOut.treatment}${figures.length > 0 ? ` It would print ${figures.join(', ')}.` : ''}`];
}

/** Describes how the predictions file does not match the benchmark. */
function mismatches({ predictions }: ScoredPredictions): string[] {
  const { missing, unknown, duplicates, otherPrompts, byOrder, tornLine } = predictions;
  const counts: [string, (string | number)[]][] = [
    ['questions without a prediction (by index)', missing],
    ['unknown ids, or ids whose question the prompt does not ask (ignored)', unknown],
    ['duplicate ids (the last prediction counts)', duplicates],
    [
      'predictions whose prompt lacks the question of their id (they count; is the file for another split or edition?)',
      otherPrompts,
    ],
    [
      'predictions without an id for questions that occur several times with one correct answer: shared out in the order of ' +
        'the file, which does not change the main score but may exchange the answers of two images',
      byOrder,
    ],
  ];
  return [
    ...(tornLine === undefined ? [] : [`${tornLine} is cut off and left out.`]),
    ...counts.flatMap(([what, ids]) => (ids.length > 0 ? [`${ids.length} ${what}: ${firstOf(ids)}`] : [])),
  ];
}
