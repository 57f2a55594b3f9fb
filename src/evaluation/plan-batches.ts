import { max } from 'simple-statistics';
import type { Question } from '../benchmarks/benchmark.js';
import type { BatchShape } from '../model/inference/batch-memory.js';

/** Questions about one image that share a row, so that image and system text are computed only once. */
export interface QuestionGroup {
  image: string | null;
  questions: Question[];
}

/** Groups that run together, one row each. */
export interface PlannedBatch {
  groups: QuestionGroup[];
  /** How often a worker process crashed while running a batch with these groups. */
  crashes: number;
}

/** Limits of a batch. */
export interface BatchLimits {
  /** Maximum number of rows. */
  rows: number;
  /** Maximum prompt tokens, including padding, of a batch with several rows. */
  tokens: number;
  /** Maximum estimated bytes of a batch with several rows. */
  bytes: number;
  /** Estimates the bytes a batch takes. */
  bytesOf: (shape: BatchShape) => number;
}

/** Batches in the order they should run. */
export interface BatchQueue {
  /** The next batch; undefined if none is queued at the moment. */
  take(): PlannedBatch | undefined;
  /** Puts batches to run again, unchanged, at the front. */
  again(batches: readonly PlannedBatch[]): void;
  /** Limits further batches to half the bytes of one that went out of memory. @returns the new limit */
  shrink(tooLarge: PlannedBatch): number;
}

/** Maximum number of questions packed into one row: it keeps attention over the row cheap relative to the other work. */
export const MAX_QUESTIONS_PER_ROW = 32;

/** Maximum share of padding among a batch's prompt tokens: beyond it, a separate batch costs less. */
const MAX_PADDING = 0.25;

/** Groups questions by image, in order of first appearance. Images with very many questions get several groups. */
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
 * Forms batches when they are taken. Groups of similar cost go together, those with the most questions and longest rows
 * first: every row of a batch costs as much as its fullest and longest row.
 * @param rowTokens estimates the tokens of a group's row
 */
export function openBatchQueue(
  groups: readonly QuestionGroup[],
  rowTokens: (group: QuestionGroup) => number,
  limits: Readonly<BatchLimits>,
): BatchQueue {
  const rows = groups
    .map((group) => ({ group, questions: group.questions.length, tokens: rowTokens(group) }))
    .sort((a, b) => b.questions - a.questions || b.tokens - a.tokens);
  let repeated: PlannedBatch[] = [];
  let { bytes } = limits;
  let next = 0;

  const take = (): QuestionGroup[] => {
    const taken: QuestionGroup[] = [];
    const shape = { rows: 0, length: 0, questions: 0 };
    let tokens = 0;
    for (let row = rows[next]; row && shape.rows < limits.rows; row = rows[next]) {
      shape.rows++;
      shape.length = Math.max(shape.length, row.tokens);
      shape.questions = Math.max(shape.questions, row.questions);
      tokens += row.tokens;
      const padded = shape.rows * shape.length;
      const isTooLarge = padded > limits.tokens || limits.bytesOf(shape) > bytes;
      if (taken.length > 0 && (isTooLarge || tokens < (1 - MAX_PADDING) * padded)) break;
      taken.push(row.group);
      next++;
    }
    return taken;
  };

  return {
    take() {
      if (repeated.length > 0) return repeated.shift();
      const taken = take();
      return taken.length > 0 ? { groups: taken, crashes: 0 } : undefined;
    },
    again(batches) {
      repeated = [...batches, ...repeated];
    },
    shrink({ groups: tooLarge }) {
      const shape = {
        rows: tooLarge.length,
        length: max(tooLarge.map(rowTokens)),
        questions: max(tooLarge.map(({ questions }) => questions.length)),
      };
      bytes = Math.min(bytes, limits.bytesOf(shape) / 2);
      return bytes;
    },
  };
}
