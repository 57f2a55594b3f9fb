import { max } from 'simple-statistics';
import { lowerWithoutPunctuation, pySplit } from '../../shared/python-strings.js';

/** Python's \b: word characters are letters, digits and underscores of any script. */
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

/**
 * Overlap of words with the right answer it has most in common with: the harmonic mean of precision and recall. Source: SQuAD's
 * evaluate-v1.1.py, f1_score.
 * @returns 0 to 1
 */
export function squadF1(answer: string, targets: readonly string[]): number {
  const given = wordsOf(answer);
  return max(targets.map((target) => f1(given, wordsOf(target))));
}

function wordsOf(text: string): string[] {
  return pySplit(lowerWithoutPunctuation(text).replace(ARTICLES, ' '));
}

function f1(given: readonly string[], right: readonly string[]): number {
  const left = new Map<string, number>();
  for (const word of right) left.set(word, (left.get(word) ?? 0) + 1);
  let same = 0;
  for (const word of given) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    same++;
  }
  if (same === 0) return 0;
  const [precision, recall] = [same / given.length, same / right.length];
  return (2 * precision * recall) / (precision + recall);
}
