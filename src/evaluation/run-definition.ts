import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { EVALUABLE, findBenchmark, readTaskBenchmark } from '../benchmarks/registry.js';
import type { RunRecord } from '../results/runs/run-record.js';

/** Setting of a session: path of the benchmark's task file, if it is not one of llavahr's own. */
export const TASK_FILE = 'taskFile';

/**
 * The benchmark of a run. A task file is read from where it was during the run's last session.
 * @throws UserError when the task file is not there any more or is invalid, and for a name of another version
 */
export function definitionOfRun({ identity, sessions }: Pick<RunRecord, 'identity' | 'sessions'>): BenchmarkDefinition {
  const path = sessions.map(({ settings }) => settings[TASK_FILE]).findLast((value) => typeof value === 'string');
  return path === undefined ? findBenchmark(identity.benchmark, EVALUABLE) : readTaskBenchmark(path);
}
