import { performance } from 'node:perf_hooks';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import type { PartialScore } from '../terminal/answer-progress.js';

/** Scores the answers of a run while it goes on. */
export interface RunningScore {
  add(index: number, answer: string): void;
  /** Null before the first answer, and for splits that are not scored here. */
  current(): PartialScore | null;
}

/** Scoring takes at most this share of the time. */
const SHARE = 0.01;

/**
 * The score of the answers so far, by the benchmark's own scorer. The last one is repeated while scoring again would take too
 * much of the time: VQAv2's 214,354 answers take seconds.
 * @param now clock in milliseconds
 */
export function runningScore(benchmark: LoadedBenchmark, now = () => performance.now()): RunningScore {
  const answers: (string | null)[] = benchmark.questions.map(() => null);
  let last: PartialScore | null = null;
  let answered = 0;
  let scored = 0;
  let due = 0;
  return {
    add(index, answer) {
      if (answers[index] === null) answered++;
      answers[index] = answer;
    },
    current() {
      const start = now();
      if (answered === scored || start < due) return last;
      last = scoreOf(benchmark, answers);
      scored = answered;
      due = now() + (now() - start) / SHARE;
      return last;
    },
  };
}

function scoreOf(benchmark: LoadedBenchmark, answers: readonly (string | null)[]): PartialScore | null {
  const rows = [...answers.keys()].filter((row) => answers[row] !== null);
  const score = benchmark.score(answers, rows);
  if (score === null) return null;
  const { headline, scores, points = [] } = score;
  const name = headline !== null && headline in scores ? headline : Object.keys(scores)[0];
  if (name === undefined) return null;
  return { name, value: scores[name]!, unit: points.includes(name) ? 'points' : 'percent' };
}
