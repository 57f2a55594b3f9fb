import type { JudgeChoice } from '../evaluation/judge-answers.js';
import { usageError } from '../shared/errors.js';

/** Options of commands that can have answers graded. */
export interface JudgeOptions {
  judge?: string;
  judgeModel?: string;
  judgeRuns?: number;
  judgeKey?: string;
}

const JUDGE_RUNS = 5; // as in MM-Vet's paper
const JUDGE_KEY = 'OPENAI_API_KEY';

/** The judge that options name; null if none does. @throws UserError (usage) when one option lacks another */
export function judgeChoice({ judge, judgeModel, judgeRuns, judgeKey }: JudgeOptions): JudgeChoice | null {
  if ([judge, judgeModel, judgeRuns, judgeKey].every((option) => option === undefined)) return null;
  if (judge === undefined || judgeModel === undefined)
    throw usageError('--judge and --judge-model must be given together.');
  return { baseUrl: judge, model: judgeModel, runs: judgeRuns ?? JUDGE_RUNS, keyVariable: judgeKey ?? JUDGE_KEY };
}
