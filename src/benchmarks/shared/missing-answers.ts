import type { MissingAnswers } from '../benchmark.js';

/**
 * What lmms-eval does with questions that are not in its log. Source: lmms_eval/evaluator.py and the aggregations of its
 * tasks
 */
export const LMMS_EVAL_MEAN: MissingAnswers = {
  treatment: 'lmms-eval takes the mean over the answers that are there.',
};
