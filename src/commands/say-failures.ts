import { describeFailure, type FailureCount, remediesFor } from '../results/runs/failure-counts.js';
import { say } from '../shared/log.js';

/**
 * Says on stderr how many questions failed, why, and what to do about it.
 * @param n all questions
 * @param failures absent in runs of versions that did not record them
 * @param rerun what asks the questions again
 */
export function sayFailures(
  failed: number,
  n: number,
  failures: readonly FailureCount[] = [],
  rerun = 'the same command',
): void {
  if (failed === 0) return;
  const reasons = failures.map((failure) => `\n  ${describeFailure(failure)}`).join('');
  const remedies = remediesFor(failures).map((remedy) => `\n${remedy.replace('the same command', rerun)}`);
  say('warn', `${failed} of ${n} questions failed${reasons === '' ? '.' : `:${reasons}${remedies.join('')}`}`);
}
