/**
 * VQA accuracy of an answer: min(1, matches / 3), averaged over all leave-one-out subsets of the human answers. All texts
 * must be normalised. Source: LLaVA-HR m4c_evaluator.py, TextVQAAccuracyEvaluator.
 * @param humanAnswers ten in the official benchmarks
 * @returns 0 to 1, bit-identical to the official script
 */
export function vqaAccuracy(answer: string, humanAnswers: readonly string[]): number {
  let matches = 0;
  for (const human of humanAnswers) if (human === answer) matches++;
  if (matches === 0) return 0;
  if (matches > 3) return 1; // three are left in every subset
  let sum = 0;
  for (const leftOut of humanAnswers) sum += Math.min(1, (leftOut === answer ? matches - 1 : matches) / 3);
  return sum / humanAnswers.length;
}

/** The most frequent answer; among ties, the one given first. */
export function mostFrequent(humanAnswers: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const answer of humanAnswers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}
