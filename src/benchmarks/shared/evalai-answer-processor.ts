import { memoized } from '../../shared/memoized.js';
import { pyStrip } from '../../shared/python-strings.js';
import { processDigitArticle, processPunctuation } from './vqa-normalisation.js';

/**
 * Normalises an answer as the VQA evaluation server does before comparing: lower case, no punctuation or articles, digits
 * for small numbers, apostrophes in contractions; "'s" becomes a separate word.
 *
 * Reproduces what the official script does, not what it intends: an answer of "the" becomes empty.
 * Source: LLaVA-HR llava_hr/eval/m4c_evaluator.py, EvalAIAnswerProcessor (the same in LLaVA and MMF).
 */
export const processAnswer = memoized((answer: string): string => {
  const text = pyStrip(answer.toLowerCase().replace(/[,?]/g, '').replaceAll("'s", " 's")).replace(/[\n\t]/g, ' ');
  return processDigitArticle(processPunctuation(text));
});
