import type { PlannedBatch, QuestionGroup } from './plan-batches.js';

/** Why a batch has no answers; also the code of the questions that are given up. */
export type BatchFailure = 'out-of-memory' | 'worker-crashed' | 'inference-failed';

/**
 * What to run instead of a batch that failed; null when its questions are given up.
 *
 * Short of memory, the two halves, down to a single question. A batch that ended its worker, group by group; a group that
 * does so again, alone, is at fault. Anything else, question by question, so that a bad one fails alone.
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

/** Half of the rows each, or half of the only row's questions. */
function halves(groups: readonly QuestionGroup[]): QuestionGroup[][] {
  const [only] = groups;
  if (groups.length > 1) return split(groups);
  return split(only!.questions).map((questions) => [{ image: only!.image, questions }]);
}

function split<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}
