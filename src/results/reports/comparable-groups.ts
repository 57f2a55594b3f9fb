import type { RunResult } from '../runs/load-run.js';
import { optionText } from '../runs/run-identity.js';
import { incomparableFields } from './compare.js';

/** Runs with the same questions and protocol. */
export interface RunGroup {
  /** Benchmark and split, plus the fields that differ if there are several groups for them. */
  title: string;
  /** In the order given. */
  runs: RunResult[];
}

/** Groups runs that are comparable with each other, in order of first appearance. */
export function comparableGroups(runs: readonly RunResult[]): RunGroup[] {
  const groups: RunGroup[] = [];
  for (const run of runs) {
    const group = groups.find(({ runs: [first] }) => isComparable(first!, run));
    if (group) group.runs.push(run);
    else groups.push({ title: titleOf(run, groups), runs: [run] });
  }
  return groups;
}

function isComparable(first: RunResult, second: RunResult): boolean {
  return first.metrics.benchmark === second.metrics.benchmark && incomparableFields(first, second).length === 0;
}

function titleOf(run: RunResult, earlier: readonly RunGroup[]): string {
  const { benchmark, split } = run.metrics;
  const title = `${benchmark} ${split}`;
  const other = earlier.find((group) => group.title === title)?.runs[0];
  if (!other) return title;
  const fields = incomparableFields(other, run).map(({ field, second }) => `${field} ${optionText(second)}`);
  return `${title} (${fields.join(', ')})`;
}
