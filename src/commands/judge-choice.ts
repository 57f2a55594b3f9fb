import { readApiKey } from '../chat/api-key.js';
import type { JudgeChoice } from '../evaluation/judge-answers.js';
import type { TokenPrices } from '../results/runs/latency.js';
import { usageError } from '../shared/errors.js';

/** Options of commands that can have answers graded. */
export interface JudgeOptions {
  judge?: string;
  judgeModel?: string;
  judgeRuns?: number;
  judgeKey?: string;
  judgePrices?: TokenPrices;
}

const JUDGE_RUNS = 5; // as in MM-Vet's paper
const JUDGE_KEY = 'OPENAI_API_KEY';

/**
 * The judge that options name; null if none does.
 * @throws UserError (usage) when one option lacks another; UserError when the variable named for the key is not set
 */
export function judgeChoice(options: JudgeOptions): JudgeChoice | null {
  const { judge, judgeModel, judgeRuns, judgeKey, judgePrices: prices } = options;
  if ([judge, judgeModel, judgeRuns, judgeKey, prices].every((option) => option === undefined)) return null;
  if (judge === undefined || judgeModel === undefined)
    throw usageError('--judge and --judge-model must be given together.');
  readApiKey(judgeKey, 'judge');
  const [runs, keyVariable] = [judgeRuns ?? JUDGE_RUNS, judgeKey ?? JUDGE_KEY];
  return { baseUrl: judge, model: judgeModel, runs, keyVariable, ...(prices && { prices }) };
}
