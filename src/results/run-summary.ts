import { bootstrapInterval } from './bootstrap.js';
import type { StageTimes } from './latency.js';
import type { RunResult } from './load-run.js';
import { readQuestionScores } from './question-scores.js';
import { renderTable } from './table.js';

const INTERVAL_SEED = 1;
const GIB = 2 ** 30;

/** A finished run as a table for the terminal: scores, then what they cost. */
export async function runSummary(run: RunResult): Promise<string> {
  const { metrics, latency, record, folder } = run;
  const { model, device } = record.identity;
  const questions = await readQuestionScores(folder);
  const interval = questions && bootstrapInterval(questions.scores, questions.clusters, { seed: INTERVAL_SEED });
  const scores = Object.entries(metrics.scores).map(([name, value]) => {
    // The interval is of the mean over questions; it belongs to the scores that are one.
    const isMean = interval && Math.abs(100 * interval.mean - value) < 0.005;
    const range = isMean ? `  [${(100 * interval.low).toFixed(1)}, ${(100 * interval.high).toFixed(1)}]` : '';
    return [`${name} (%)`, `${value.toFixed(2)}${range}`];
  });
  const { stages, tokensPerSecond } = latency;
  const rows = [
    ...scores,
    ['questions', `${metrics.n - metrics.failed} answered, ${metrics.failed} failed`],
    ['visual tokens per image', whole(latency.visualTokensPerImage)],
    ['image decode (ms per image)', times(stages.decodeImageMsPerImage)],
    ['vision (ms per image)', times(stages.visionMsPerImage)],
    ['prefill (ms per question)', times(stages.prefillMsPerQuestion)],
    ['decode (ms per token)', times(stages.decodeMsPerToken)],
    ['tokens/s', fixed(tokensPerSecond.model)],
    ['questions/s, end to end', fixed(latency.questionsPerSecond)],
    ['peak memory (GiB)', fixed(latency.peakMemoryBytes / GIB)],
  ];
  const title = `${metrics.benchmark} ${metrics.split}, ${model.name} at ${model.resolution} px, ${model.precision} on ${device}`;
  return `${renderTable([title, ''], rows, ['left', 'left'])}\n\n${folder}`;
}

function times({ p50, p95 }: StageTimes): string {
  return p50 === null ? '-' : `${p50.toFixed(1)}${p95 === null ? '' : `, p95 ${p95.toFixed(1)}`}`;
}

function fixed(value: number | null): string {
  return value === null ? '-' : value.toFixed(1);
}

function whole(value: number | null): string {
  return value === null ? '-' : value.toFixed(0);
}
