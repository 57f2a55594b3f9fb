import type { Question } from '../benchmarks/benchmark.js';

/** Questions about one image, asked together: the image's tokens and the system text are computed once for all. */
export interface QuestionGroup {
  image: string | null;
  questions: Question[];
}

/** Most questions packed into one row, so that the attention over a row stays small beside the rest of the work. */
export const MAX_QUESTIONS_PER_ROW = 32;

/** Prompt tokens a batch should have: enough to keep the matrix products busy. */
const BATCH_TOKENS = { cpu: 2048, gpu: 8192 } as const;

/** Groups by image, in the order images first appear; images with very many questions get several groups. */
export function groupByImage(questions: readonly Question[], maxPerRow = MAX_QUESTIONS_PER_ROW): QuestionGroup[] {
  const open = new Map<string | null, QuestionGroup>();
  const groups: QuestionGroup[] = [];
  for (const question of questions) {
    const group = open.get(question.image);
    if (group && group.questions.length < maxPerRow) {
      group.questions.push(question);
    } else {
      const started = { image: question.image, questions: [question] };
      open.set(question.image, started);
      groups.push(started);
    }
  }
  return groups;
}

/**
 * Rows per batch for `--batch-size auto`: as many as reach the wanted number of prompt tokens, from 1 to 16.
 * @param rowTokens estimated tokens of one row, visual tokens included
 */
export function autoBatchSize(provider: string, rowTokens: number): number {
  const wanted = provider === 'cpu' ? BATCH_TOKENS.cpu : BATCH_TOKENS.gpu;
  return Math.min(16, Math.max(1, Math.round(wanted / rowTokens)));
}

/**
 * Batches of groups. Groups with about equally many questions go together, since a batch computes as many answers for
 * every row as for its fullest one.
 */
export function planBatches(groups: readonly QuestionGroup[], batchSize: number): QuestionGroup[][] {
  const bySize = [...groups].sort((a, b) => b.questions.length - a.questions.length);
  const batches: QuestionGroup[][] = [];
  for (let i = 0; i < bySize.length; i += batchSize) batches.push(bySize.slice(i, i + batchSize));
  return batches;
}
