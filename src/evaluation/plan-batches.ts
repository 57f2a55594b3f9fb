import type { Question } from '../benchmarks/benchmark.js';
import type { BatchShape } from '../model/inference/batch-memory.js';

/** Questions about one image, asked together: the image's tokens and the system text are computed once for all. */
export interface QuestionGroup {
  image: string | null;
  questions: Question[];
}

/** Groups that are asked together, a row each. */
export interface PlannedBatch {
  groups: QuestionGroup[];
  /** How often a worker process ended while it ran a batch with these groups. */
  crashes: number;
}

/** What bounds a batch. */
export interface BatchLimits {
  /** Most rows. */
  rows: number;
  /** Most prompt tokens, padding included, of a batch with several rows. */
  tokens: number;
  /** Most bytes, by the estimate below, of a batch with several rows. */
  bytes: number;
  /** Bytes that a batch is estimated to take. */
  bytesOf: (shape: BatchShape) => number;
}

/** Batches in the order they are to be run. */
export interface BatchQueue {
  /** The next batch; undefined when there is none left at the moment. */
  take(): PlannedBatch | undefined;
  /** Puts batches that have to be run again before all others, as they are. */
  again(batches: readonly PlannedBatch[]): void;
  /** Lets the batches to come take half the bytes of one for which memory was short. @returns the new limit */
  shrink(tooLarge: PlannedBatch): number;
}

/** Most questions packed into one row, so that the attention over a row stays small beside the rest of the work. */
export const MAX_QUESTIONS_PER_ROW = 32;

/** Most of a batch's prompt tokens that may be padding: beyond that another batch costs less. */
const MAX_PADDING = 0.25;

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
 * Forms batches as they are taken. Groups of about equal cost go together, most questions and longest rows first: a batch
 * computes as many answers for every row as for its fullest one, and as many tokens as for its longest.
 * @param rowTokens estimated tokens of a group's row
 */
export function openBatchQueue(
  groups: readonly QuestionGroup[],
  rowTokens: (group: QuestionGroup) => number,
  limits: Readonly<BatchLimits>,
): BatchQueue {
  const rows = groups
    .map((group) => ({ group, questions: group.questions.length, tokens: rowTokens(group) }))
    .sort((a, b) => b.questions - a.questions || b.tokens - a.tokens);
  const repeated: PlannedBatch[] = [];
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
      repeated.unshift(...batches);
    },
    shrink({ groups: tooLarge }) {
      const shape = {
        rows: tooLarge.length,
        length: Math.max(...tooLarge.map(rowTokens)),
        questions: Math.max(...tooLarge.map(({ questions }) => questions.length)),
      };
      bytes = Math.min(bytes, limits.bytesOf(shape) / 2);
      return bytes;
    },
  };
}
