import { pySplit, pyStrip } from '../../shared/python-strings.js';

/** The letters of a question's options: A, B, C ... */
export const OPTION_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

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

const REFUSALS = [
  "Sorry, I can't help with images of people yet.",
  "I can't process this file.",
  "I'm sorry, but without the image provided",
  'Cannot determine the answer',
];

/**
 * The letter that VLMEvalKit's exact matching infers, without asking a language model: the only option's letter among the
 * words, or else the only option whose text is contained. Source: VLMEvalKit vlmeval/utils/matching_util.py, can_infer, as of
 * 2024; lmms-eval hrbench_evals.py has the same.
 * @param options texts of A, B, C ...
 * @returns null when none or several fit
 */
export function inferredLetter(answer: string, options: readonly string[]): string | null {
  if (REFUSALS.some((refusal) => answer.includes(refusal))) return null;
  const letters = [...OPTION_LETTERS.slice(0, options.length)];
  const words = new Set(pySplit(answer.replace(/[.()[\],:;!*#{}]/g, ' ')));
  const named = letters.filter((letter) => words.has(letter));
  if (named.length === 1) return named[0]!;
  if (named.length === 0 && words.has('Z')) return null;
  const lower = answer.toLowerCase();
  const contained = letters.filter((_, i) => lower.includes(options[i]!.toLowerCase()));
  return contained.length === 1 ? contained[0]! : null;
}
