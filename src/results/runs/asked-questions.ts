import { countOf } from '../../shared/count-of.js';
import type { RunResult } from './load-run.js';
import type { OptionValue } from './run-identity.js';

/** How a run's questions were chosen from its benchmark. */
export interface AskedQuestions {
  /** For the cell of a score: "first 20". */
  mark: string;
  /** For a sentence: "the first 20 questions". */
  text: string;
}

/** What part of its benchmark a run asked, by its protocol; null for the whole benchmark. */
export function askedQuestions(protocol: Readonly<Record<string, OptionValue>>): AskedQuestions | null {
  const { limit = null, offset = null, sample = null, seed = null, rows = null } = protocol;
  if (typeof rows === 'string') {
    const count = countRows(rows);
    return { mark: `${count} by id`, text: `${countOf(count, 'question')} chosen by id` };
  }
  if (sample !== null) {
    return {
      mark: `${sample} at random`,
      text: `${countOf(Number(sample), 'question')} drawn at random (seed ${seed ?? 0})`,
    };
  }
  if (offset !== null) {
    const first = Number(offset) + 1;
    if (limit === null) return { mark: `from ${first}`, text: `the questions from number ${first} on` };
    const last = Number(offset) + Number(limit);
    return { mark: `${first} to ${last}`, text: `questions ${first} to ${last}` };
  }
  if (limit === null) return null;
  return { mark: `first ${limit}`, text: Number(limit) === 1 ? 'the first question' : `the first ${limit} questions` };
}

/** Says in the cell of a score that it is over a part of the questions: no markup can lose it. Empty for whole runs. */
export function partMark({ record }: RunResult): string {
  const part = askedQuestions(record.identity.protocol);
  return part === null ? '' : ` (${part.mark})`;
}

/** Number of rows in a text such as "0-2,7". */
function countRows(rows: string): number {
  return rows.split(',').reduce((sum, range) => {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    return sum + last - first + 1;
  }, 0);
}
