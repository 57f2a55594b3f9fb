import { join } from 'node:path';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { countFailures } from '../results/runs/failure-counts.js';
import { readImageHashes } from '../results/runs/image-hashes.js';
import { latencyFile } from '../results/runs/latency.js';
import { summarizeRun } from '../results/runs/load-run.js';
import { type Metrics, metricsFile } from '../results/runs/metrics.js';
import { readPredictions } from '../results/runs/predictions.js';
import { writeQuestionScores } from '../results/runs/question-scores.js';
import { referencesFile } from '../results/runs/references.js';
import { RUN_FILES, type Run } from '../results/runs/run-folder.js';
import { imagesHash } from './check-images.js';
import { type JudgeChoice, judgeAnswers, judgeRecord } from './judge-answers.js';
import { isJudged, JUDGE_GRADES } from './judged.js';
import { referencesOf } from './references.js';
import { metricsOf, questionsOf } from './score-answers.js';
import { writeSubmission } from './write-submission.js';

export interface ScoreRunOptions {
  benchmark: LoadedBenchmark;
  /** The language model that grades free-form answers, and the folder of the benchmark's files; null for no judge. */
  judging: { folder: string; judge: JudgeChoice } | null;
  signal: AbortSignal;
  stream: NodeJS.WriteStream;
}

/**
 * Computes and writes everything derived from the answers and timings in a run folder: metrics, question scores,
 * references, submission files, latency. Needs no model.
 */
export async function scoreRun(options: ScoreRunOptions, run: Run): Promise<void> {
  await scorePredictionsOf(options, run);
  await writeLatency(run);
}

async function scorePredictionsOf(options: ScoreRunOptions, { folder, owner }: Run): Promise<void> {
  const { benchmark, judging, signal, stream } = options;
  const answers: (string | null)[] = benchmark.questions.map(() => null);
  const predictions = await readPredictions(join(folder, RUN_FILES.predictions));
  for (const { index, text } of predictions) answers[index] = text;
  const cachePath = join(folder, JUDGE_GRADES);
  let missingGrades = 0;
  const score = needsJudge(options)
    ? await judgeAnswers(benchmark, answers, judging!.judge, {
        ...{ folder: judging!.folder, cachePath, owner, signal, stream },
        onMissing(gradings) {
          missingGrades = gradings;
        },
      })
    : benchmark.score(answers);
  const images = imagesHash(benchmark.questions, await readImageHashes(join(folder, RUN_FILES.images)));
  const failures = countFailures(predictions);
  const metrics: Metrics = {
    ...metricsOf(benchmark, answers, score),
    ...(failures.length > 0 ? { failures } : {}),
    images,
  };
  if (needsJudge(options)) {
    const judge = judgeRecord(judging!.judge, missingGrades);
    const { model, server, runs, gradedAt } = judge;
    metrics.judge = judge;
    metrics.notes.unshift(
      `Graded by ${model} at ${server}, ${runs === 1 ? 'once' : `${runs} times`} each, on ${gradedAt.slice(0, 10)}.`,
    );
  }
  await metricsFile.write(folder, metrics, owner);
  if (score) await writeQuestionScores(folder, questionsOf(benchmark.questions, score), owner);
  await referencesFile.write(folder, referencesOf(benchmark), owner);
  await writeSubmission(folder, benchmark, answers, owner);
}

/** Whether this benchmark should be scored by a judge. */
export function needsJudge({ benchmark, judging }: Pick<ScoreRunOptions, 'benchmark' | 'judging'>): boolean {
  return judging !== null && isJudged(benchmark);
}

/** Sums up batches.jsonl in latency.json. */
export async function writeLatency({ folder, record, owner }: Run): Promise<void> {
  await latencyFile.write(folder, await summarizeRun(folder, record), owner);
}
