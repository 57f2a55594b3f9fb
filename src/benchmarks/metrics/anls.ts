import { min } from 'simple-statistics';
import { pySplit } from '../../shared/python-strings.js';

/**
 * Average normalised Levenshtein similarity of an answer: 1 - distance / length for the closest right answer, and 0 below the
 * threshold. Distances are between lower-case texts with single spaces, the length is that of the longer text as it was given.
 * Source: DocVQA's evaluation script on rrc.cvc.uab.es (the same in lmms-eval's metric anls).
 * @param threshold 0.5 in DocVQA and InfographicVQA
 * @returns 0 to 1
 */
export function anls(answer: string, targets: readonly string[], threshold: number): number {
  const given = normalise(answer);
  const distances = targets.map((target) => {
    const length = Math.max(upperLength(target), upperLength(answer));
    return length === 0 ? 0 : editDistance(normalise(target), given) / length;
  });
  const similarity = 1 - min(distances);
  return similarity < threshold ? 0 : similarity;
}

/** Characters as Python counts them. */
function normalise(text: string): string[] {
  return [...pySplit(text.toLowerCase()).join(' ')];
}

/** len(text.upper()) in Python, where "ß" counts twice. */
function upperLength(text: string): number {
  return [...text.toUpperCase()].length;
}

/** Insertions, deletions and substitutions that turn one text into the other. */
function editDistance(a: readonly string[], b: readonly string[]): number {
  let previous = Uint32Array.from({ length: b.length + 1 }, (_, i) => i);
  let current = new Uint32Array(b.length + 1);
  for (let i = 0; i < a.length; i++) {
    current[0] = i + 1;
    for (let j = 0; j < b.length; j++) {
      const substitution = previous[j]! + (a[i] === b[j] ? 0 : 1);
      current[j + 1] = Math.min(substitution, previous[j + 1]! + 1, current[j]! + 1);
    }
    [previous, current] = [current, previous];
  }
  return previous[b.length]!;
}
