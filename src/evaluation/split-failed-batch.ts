import type { PlannedBatch, QuestionGroup } from './plan-batches.js';

/** Why a batch failed; also the error code of questions that are given up. */
export type BatchFailure = 'out-of-memory' | 'worker-crashed' | 'inference-failed';

/**
 * Batches to run in place of a failed one; null if its questions are given up.
 *
 * Out of memory: the two halves, down to a single question. Worker crash: each group alone; a group that crashes again is
 * given up. Anything else: each question alone, so that only the bad one fails.
 */
export function splitFailedBatch(failure: BatchFailure, { groups, crashes }: PlannedBatch): PlannedBatch[] | null {
  const questions = groups.reduce((sum, group) => sum + group.questions.length, 0);
  if (failure === 'worker-crashed') {
    if (groups.length === 1 && crashes > 0) return null;
    return groups.map((group) => ({ groups: [group], crashes: crashes + 1 }));
  }
  if (questions === 1) return null;
  if (failure === 'out-of-memory') return halves(groups).map((half) => ({ groups: half, crashes }));
  return groups.flatMap(({ image, questions }) =>
    questions.map((question) => ({ groups: [{ image, questions: [question] }], crashes })),
  );
}

/** Halves the rows, or the questions of a single row. */
function halves(groups: readonly QuestionGroup[]): QuestionGroup[][] {
  const [only] = groups;
  if (groups.length > 1) return split(groups);
  return split(only!.questions).map((questions) => [{ image: only!.image, questions }]);
}

function split<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}
