import { MEAN_PERCENT } from '../results/statistics/formula.js';
import type { Score } from './benchmark.js';

/** A question and the grades of its answer. */
export interface GradedQuestion {
  capability: readonly string[];
  /** 0 to 1 by run; null where grading failed. All 0 for a question without an answer. */
  grades: readonly (number | null)[];
  isAnswered: boolean;
}

/** Scores and their spread over the judge's runs. */
export interface MmVetScore {
  score: Score;
  /** Total of each run, 0 to 100. */
  runTotals: number[];
  /** Population standard deviation of `runTotals`. */
  std: number;
}

/**
 * The scores of the official evaluator, unrounded: the mean grade of each run times 100, then the mean over runs.
 * "capability/rec" covers the questions that need rec, alone or with others, "integration/rec+know" those that need exactly
 * these. Missing grades are excluded from their run's means. Source: yuweihao/MM-Vet mm-vet_evaluator.ipynb
 * @returns null when a run has no grades at all
 */
export function scoreMmVet(questions: readonly GradedQuestion[], runs: number): MmVetScore | null {
  const runTotals = runMeans(questions, runs);
  if (runTotals === null) return null;
  const total = mean(runTotals);
  const perQuestion = questions.map(({ grades }) => {
    const given = grades.filter((grade) => grade !== null);
    return given.length === 0 ? null : mean(given);
  });
  const n = perQuestion.filter((grade) => grade !== null).length;
  const parts = breakdown(questions, runs);
  const score: Score = {
    headline: 'total',
    scores: { total, ...parts.scores },
    counts: { total: n, ...parts.counts },
    n,
    failed: questions.filter(({ isAnswered }) => !isAnswered).length,
    unparsable: 0,
    perQuestion,
    statistics: {
      total: {
        width: 2,
        counts: Float64Array.from(perQuestion.flatMap((grade) => (grade === null ? [0, 0] : [grade, 1]))),
        formula: MEAN_PERCENT,
      },
    },
    notes: notes(questions, runs),
  };
  const std = Math.sqrt(mean(runTotals.map((run) => (run - total) ** 2)));
  return { score, runTotals, std };
}

function breakdown(questions: readonly GradedQuestion[], runs: number): Pick<Score, 'scores' | 'counts'> {
  const groups = new Map<string, GradedQuestion[]>();
  const ranked = ranking(questions);
  for (const name of ranked) {
    groups.set(
      `capability/${name}`,
      questions.filter(({ capability }) => capability.includes(name)),
    );
  }
  for (const question of questions) {
    const name = `integration/${ranked.filter((capability) => question.capability.includes(capability)).join('+')}`;
    groups.set(name, [...(groups.get(name) ?? []), question]);
  }
  const scores: Record<string, number> = {};
  const counts: Record<string, number> = {};
  for (const [name, members] of groups) {
    const means = runMeans(members, runs);
    if (!means) continue;
    scores[name] = mean(means);
    counts[name] = members.filter(({ grades }) => grades.some((grade) => grade !== null)).length;
  }
  return { scores, counts };
}

/** The capabilities, most frequent first. */
function ranking(questions: readonly GradedQuestion[]): string[] {
  const counts = new Map<string, number>();
  for (const name of questions.flatMap(({ capability }) => capability)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name);
}

/** Mean grade of each run, 0 to 100; null when a run has no grades. */
function runMeans(questions: readonly GradedQuestion[], runs: number): number[] | null {
  const means: number[] = [];
  for (let run = 0; run < runs; run++) {
    const grades = questions.map((question) => question.grades[run]!).filter((grade) => grade !== null);
    if (grades.length === 0) return null;
    means.push(mean(grades) * 100);
  }
  return means;
}

function notes(questions: readonly GradedQuestion[], runs: number): string[] {
  const missing = questions.flatMap(({ grades }) => grades.filter((grade) => grade === null)).length;
  if (missing === 0) return [];
  const asOfficial = questions.map((question) => ({ ...question, grades: question.grades.map((grade) => grade ?? 0) }));
  const total = mean(runMeans(asOfficial, runs)!);
  return [
    `${missing} of ${questions.length * runs} gradings failed and are excluded. The official script counts an answer ` +
      `without a grade as 0, which would give a total of ${total.toFixed(1)}.`,
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
