import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { mmVet } from '../benchmarks/mmvet.js';

/** The judge's grades in a run folder or beside a submission; grades in it are not requested again. */
export const JUDGE_GRADES = 'judge-grades.jsonl';

/** Whether this benchmark is scored by a judge. */
export function isJudged({ name }: LoadedBenchmark): boolean {
  return name === mmVet.name;
}
