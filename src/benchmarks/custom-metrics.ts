import { pyStrip } from '../shared/python-strings.js';
import { popeVerdict } from './pope-score.js';
import { processAnswer } from './shared/evalai-answer-processor.js';
import { vqaAccuracy } from './shared/vqa-accuracy.js';

/** Scores an answer from 0 to 1; null when no option can be told from it, which counts as wrong. */
export type Grader = (answer: string) => number | null;

/** Leave-one-out and division by three make more than this many answers necessary for a full score. */
const VQA_MIN_ANSWERS = 4;

/**
 * The ways to score own data: each makes a question's grader from its right answers, or says why they do not fit.
 *
 * - `vqa`: VQA accuracy with leave-one-out, all texts normalised as for EvalAI; meant for ten answers.
 * - `exact`: equal to any of the answers but for case, space at the ends and periods at the end.
 * - `choice`: the letter of an option, see `optionLetter`.
 * - `yes-no`: yes or no as POPE's script tells them, to which any text that does not say no means yes.
 */
export const CUSTOM_METRICS = {
  vqa(answers: readonly string[]): Grader | string {
    if (answers.length < VQA_MIN_ANSWERS) {
      return (
        `the metric vqa needs at least ${VQA_MIN_ANSWERS} answers to a question, got ${answers.length}: with fewer ` +
        'none can reach the full score. Use the metric exact.'
      );
    }
    const humanAnswers = answers.map(processAnswer);
    return (answer) => vqaAccuracy(processAnswer(answer), humanAnswers);
  },

  exact(answers: readonly string[]): Grader | string {
    const right = new Set(answers.map(comparable));
    return (answer) => Number(right.has(comparable(answer)));
  },

  choice(answers: readonly string[]): Grader | string {
    const letter = answers.length === 1 ? optionLetter(answers[0]!) : null;
    if (letter === null) return `the metric choice needs one answer that is an option's letter, got ${list(answers)}.`;
    return (answer) => {
      const chosen = optionLetter(answer);
      return chosen === null ? null : Number(chosen === letter);
    };
  },

  'yes-no'(answers: readonly string[]): Grader | string {
    const right = answers.length === 1 ? comparable(answers[0]!) : null;
    if (right !== 'yes' && right !== 'no') {
      return `the metric yes-no needs one answer that is "yes" or "no", got ${list(answers)}.`;
    }
    return (answer) => Number(popeVerdict(answer, 'llava') === right);
  },
} satisfies { [metric: string]: (answers: readonly string[]) => Grader | string };

export type CustomMetric = keyof typeof CUSTOM_METRICS;

function list(answers: readonly string[]): string {
  return JSON.stringify(answers).slice(1, -1);
}

function comparable(text: string): string {
  let lower = pyStrip(text).toLowerCase();
  while (lower.endsWith('.')) lower = lower.slice(0, -1);
  return lower;
}

/**
 * The letter of the option an answer chooses, as a capital. It is
 * - a letter that is the whole answer or begins it with a mark: "B", "b", "(B)", "B.", "B) a dog", "B: a dog";
 * - or else the capital after "answer is" or "answer:", the same at every such place: "The answer is (B)."
 *
 * @returns null for any other text, "A dog" and "B or C" among them
 */
export function optionLetter(answer: string): string | null {
  const text = pyStrip(answer);
  const first = /^\(?([A-Za-z])(?:[.:)]+(?=\s|$)|$)/.exec(text)?.[1];
  if (first !== undefined) return first.toUpperCase();
  const named = new Set(
    [...text.matchAll(/\b[Aa]nswer(?: is|:)\s*(?:[Oo]ption\s*)?\(?([A-Z])\b/g)].map(([, letter]) => letter),
  );
  const [letter] = named;
  return named.size === 1 ? letter! : null;
}
