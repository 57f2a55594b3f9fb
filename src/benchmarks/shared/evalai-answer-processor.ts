import { pyStrip } from '../../shared/python-strings.js';
import { processDigitArticle, processPunctuation } from './vqa-normalisation.js';

/**
 * Brings an answer into the form in which the evaluation server of VQA compares answers: lower case, no punctuation
 * and articles, digits for small numbers, apostrophes in contractions; "'s" becomes a word of its own.
 *
 * Keeps what the official script does rather than what it means to do: "the" alone becomes nothing.
 * Source: LLaVA-HR llava_hr/eval/m4c_evaluator.py, EvalAIAnswerProcessor (the same in LLaVA and MMF).
 */
export function processAnswer(answer: string): string {
  const text = pyStrip(answer.toLowerCase().replace(/[,?]/g, '').replaceAll("'s", " 's")).replace(/[\n\t]/g, ' ');
  return processDigitArticle(processPunctuation(text));
}
