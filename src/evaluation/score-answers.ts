import type { Answers, LoadedBenchmark, Score } from '../benchmarks/benchmark.js';
import type { Metrics } from '../results/runs/metrics.js';
import { type QuestionScores, questionScores } from '../results/runs/question-scores.js';
import { resampleSums } from '../results/statistics/bootstrap.js';
import { exactIntervalNote, scoreInterval } from '../results/statistics/score-interval.js';

/** Scores answers and computes a 95 % interval for each main score by resampling images. */
export function scoreAnswers(benchmark: LoadedBenchmark, answers: Answers): { metrics: Metrics; score: Score | null } {
  const score = benchmark.score(answers);
  return { metrics: metricsOf(benchmark, answers, score), score };
}

/** Metrics of a score from any source; `score` is null if the split is scored by a server. */
export function metricsOf({ name, split, questions }: LoadedBenchmark, answers: Answers, score: Score | null): Metrics {
  const metrics: Metrics = {
    schemaVersion: 1,
    benchmark: name,
    split,
    headline: score?.headline ?? null,
    scores: score?.scores ?? {},
    ...(score ? { counts: score.counts } : {}),
    intervals: {},
    points: [...(score?.points ?? [])],
    n: score?.n ?? questions.length,
    failed: score?.failed ?? answers.filter((answer) => answer === null).length,
    unparsable: score?.unparsable ?? 0,
    notes: [...(score?.notes ?? [])],
  };
  if (score === null) return metrics;
  const { columns, formulas, images } = questionsOf(questions, score);
  const sums = resampleSums(columns, images);
  const exact: string[] = [];
  for (const [name, formula] of Object.entries(formulas)) {
    const unit = metrics.points.includes(name) ? 'points' : 'percent';
    const interval = scoreInterval(formula, columns, images, { sums, unit });
    if (!interval) continue;
    metrics.intervals[name] = { low: interval.low, high: interval.high };
    if (interval.method === 'clopper-pearson') exact.push(name);
  }
  const note = exactIntervalNote(exact);
  if (note !== null) metrics.notes.push(note);
  return metrics;
}

/** Per-question data kept for comparisons. */
export function questionsOf(questions: LoadedBenchmark['questions'], score: Score): QuestionScores {
  const images = questions.map(({ image }) => image);
  return questionScores(score.perQuestion, images, score.statistics);
}
