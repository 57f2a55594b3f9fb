import { pyStrip } from '../shared/python-strings.js';
import { popeVerdict } from './pope-score.js';
import { processAnswer } from './shared/evalai-answer-processor.js';
import { vqaAccuracy } from './shared/vqa-accuracy.js';

/** Scores an answer from 0 to 1; null when it names no option, which counts as wrong. */
export type Grader = (answer: string) => number | null;

/** With leave-one-out and min(1, matches / 3), fewer answers can never give a full score. */
const VQA_MIN_ANSWERS = 4;

/**
 * The metrics for your own data. Each builds a question's grader from its correct answers, or returns a message that says
 * why they are unsuitable.
 *
 * - `vqa`: VQA accuracy with leave-one-out and EvalAI normalisation; intended for ten answers per question.
 * - `exact`: equal to any correct answer, ignoring case, surrounding whitespace and trailing periods.
 * - `choice`: the letter of an option, see `optionLetter`.
 * - `yes-no`: yes or no by the rule of POPE's script, where any text that does not say no means yes.
 */
export const CUSTOM_METRICS = {
  vqa(answers: readonly string[]): Grader | string {
    if (answers.length < VQA_MIN_ANSWERS) {
      return (
        `the metric vqa needs at least ${VQA_MIN_ANSWERS} answers per question, got ${answers.length}; with fewer, no ` +
        'answer can reach the full score. Use the metric exact.'
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
    if (letter === null) return `the metric choice needs exactly one answer, an option's letter; got ${list(answers)}.`;
    return (answer) => {
      const chosen = optionLetter(answer);
      return chosen === null ? null : Number(chosen === letter);
    };
  },

  'yes-no'(answers: readonly string[]): Grader | string {
    const right = answers.length === 1 ? comparable(answers[0]!) : null;
    if (right !== 'yes' && right !== 'no') {
      return `the metric yes-no needs exactly one answer, "yes" or "no"; got ${list(answers)}.`;
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
