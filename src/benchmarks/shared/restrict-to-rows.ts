import { evaluateFormula } from '../../results/statistics/formula.js';
import { UserError } from '../../shared/errors.js';
import type { Answers, LoadedBenchmark, Score, Statistic } from '../benchmark.js';
import { columnSums } from './statistics.js';

/**
 * A benchmark restricted to some of its questions, as if the others had never been asked. Main scores are recomputed from
 * their statistics; breakdowns are dropped.
 * @param rows question indices in the benchmark's order
 */
export function restrictToRows(benchmark: LoadedBenchmark, rows: readonly number[]): LoadedBenchmark {
  const allAnswers = (answers: Answers): (string | null)[] => {
    const all: (string | null)[] = benchmark.questions.map(() => null);
    rows.forEach((row, index) => {
      all[row] = answers[index]!;
    });
    return all;
  };
  return {
    ...benchmark,
    questions: rows.map((row, index) => ({ ...benchmark.questions[row]!, index })),
    gold: (index) => benchmark.gold(rows[index]!),
    humanAnswers: benchmark.humanAnswers && ((index) => benchmark.humanAnswers!(rows[index]!)),
    category: benchmark.category && ((index) => benchmark.category!(rows[index]!)),
    scoreOne: (index, answer) => benchmark.scoreOne(rows[index]!, answer),
    score(answers) {
      const score = benchmark.score(allAnswers(answers));
      return score && restrictScore(score, rows, answers);
    },
    submission: (answers) => benchmark.submission(allAnswers(answers)),
  };
}

function restrictScore(score: Score, rows: readonly number[], answers: Answers): Score {
  const statistics: Record<string, Statistic> = {};
  const scores: Record<string, number> = {};
  for (const [name, full] of Object.entries(score.statistics)) {
    const statistic = restrictStatistic(full, rows);
    const value = evaluateFormula(statistic.formula, columnSums(statistic.counts, statistic.width));
    if (!Number.isFinite(value)) continue; // none of its questions is selected
    statistics[name] = statistic;
    scores[name] = value;
  }
  if (!(score.headline in scores)) {
    throw new UserError(
      `${score.headline} cannot be computed from ${rows.length} of ${score.perQuestion.length} questions.`,
    );
  }
  const { headline, points, unparsable, perQuestion, notes } = score;
  return {
    headline,
    scores,
    points: points?.filter((name) => name in scores),
    n: rows.filter((row) => isCounted(score, row)).length,
    failed: answers.filter((answer) => answer === null).length,
    unparsable,
    perQuestion: rows.map((row) => perQuestion[row]!),
    statistics,
    notes: [...partNotes(rows.length, perQuestion.length, notes.length > 0), ...notes],
  };
}

function partNotes(count: number, total: number, hasNotes: boolean): string[] {
  return [
    `Scores cover ${count} of ${total} questions; the others are excluded, not counted as wrong.`,
    ...(hasNotes ? [`The notes below refer to all ${total} questions and count the excluded ones as wrong.`] : []),
  ];
}

function restrictStatistic({ width, counts, formula }: Statistic, rows: readonly number[]): Statistic {
  const restricted = new Float64Array(rows.length * width);
  rows.forEach((row, index) => {
    restricted.set(counts.subarray(row * width, (row + 1) * width), index * width);
  });
  return { width, counts: restricted, formula };
}

/** Whether any main score counts this question; some only count questions with an image. */
function isCounted({ statistics }: Score, row: number): boolean {
  return Object.values(statistics).some(({ width, counts }) =>
    counts.subarray(row * width, (row + 1) * width).some((count) => count !== 0),
  );
}
