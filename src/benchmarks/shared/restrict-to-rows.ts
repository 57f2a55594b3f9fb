import type { Answers, LoadedBenchmark, Score } from '../benchmark.js';
import { pick } from './statistics.js';

/**
 * A benchmark restricted to some of its questions, as if the others had never been asked. Breakdowns of its score only cover
 * categories that are complete; those of a part of it, which no report shows, are not checked, since that would score all
 * questions each time that a running score is shown.
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
  const { missingAnswers } = benchmark;
  return {
    ...benchmark,
    questions: rows.map((row, index) => ({ ...benchmark.questions[row]!, index })),
    gold: (index) => benchmark.gold(rows[index]!),
    humanAnswers: benchmark.humanAnswers && ((index) => benchmark.humanAnswers!(rows[index]!)),
    category: benchmark.category && ((index) => benchmark.category!(rows[index]!)),
    sourceId: benchmark.sourceId && ((index) => benchmark.sourceId!(rows[index]!)),
    scoreOne: (index, answer) => benchmark.scoreOne(rows[index]!, answer),
    score(answers, part) {
      const all = allAnswers(answers);
      const score = benchmark.score(all, pick(rows, part));
      if (score === null || part !== undefined) return score;
      return ofPart(score, benchmark.score(all)!, rows.length, benchmark.questions.length);
    },
    missingAnswers: missingAnswers && {
      ...missingAnswers,
      scores: missingAnswers.scores && ((answers) => missingAnswers.scores!(allAnswers(answers))),
    },
    submission: (answers) => benchmark.submission(allAnswers(answers)),
  };
}

/** A part's score without incomplete breakdowns. @param whole the score of all questions */
function ofPart(score: Score, whole: Score, answered: number, all: number): Score {
  const isWhole = (name: string): boolean => !name.includes('/') || score.counts[name] === whole.counts[name];
  const kept = <T>(record: Record<string, T>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => isWhole(name)));
  return {
    ...score,
    scores: kept(score.scores),
    counts: kept(score.counts),
    points: score.points?.filter(isWhole),
    notes: [
      `Scores cover ${answered} of ${all} questions; the others are excluded, not counted as wrong.`,
      ...score.notes,
    ],
  };
}
