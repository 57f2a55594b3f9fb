import type { Question } from '../benchmark.js';

/** Rows by a key of their questions. */
export function groupRows(
  questions: readonly Question[],
  keyOf: (question: Question) => string,
): Map<string, number[]> {
  const rows = new Map<string, number[]>();
  for (const question of questions) {
    const key = keyOf(question);
    const group = rows.get(key);
    if (group) group.push(question.index);
    else rows.set(key, [question.index]);
  }
  return rows;
}

/** Remembers a text for each row, which is compared with many predictions. */
export function memoizedByRow(compute: (row: number) => string): (row: number) => string {
  const known: string[] = [];
  return (row) => {
    known[row] ??= compute(row);
    return known[row]!;
  };
}
