/** A piece of a text. */
export interface TextPart {
  text: string;
  /** Whether the text that it is compared with lacks it at this place. */
  isOther: boolean;
}

const MOST_PAIRS = 1_000_000; // of words to compare; the middles of longer texts count as different

/**
 * What is other in a text than in a base, by words and the white space between them: what does not belong to their longest
 * common subsequence.
 */
export function wordDifferences(base: string, text: string): TextPart[] {
  const [old, own] = [wordsOf(base), wordsOf(text)];
  let start = 0;
  while (start < old.length && start < own.length && old[start] === own[start]) start++;
  let end = 0;
  while (end < Math.min(old.length, own.length) - start && old.at(-1 - end) === own.at(-1 - end)) end++;
  const middle = own.slice(start, own.length - end);
  const common = commonWords(old.slice(start, old.length - end), middle);
  const isOther = (i: number): boolean => i >= start && i < own.length - end && !common.has(i - start);
  const parts: TextPart[] = [];
  own.forEach((word, i) => {
    const last = parts.at(-1);
    if (last?.isOther === isOther(i)) last.text += word;
    else parts.push({ text: word, isOther: isOther(i) });
  });
  return parts;
}

function wordsOf(text: string): string[] {
  return text.match(/\s+|\S+/g) ?? [];
}

/** Places in `own` of a longest common subsequence. */
function commonWords(old: readonly string[], own: readonly string[]): Set<number> {
  const common = new Set<number>();
  if (old.length * own.length > MOST_PAIRS) return common;
  // lengths[i][j]: of the longest common subsequence of what follows i in `old` and j in `own`
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint32Array(own.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = own.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        old[i] === own[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  let [i, j] = [0, 0];
  while (i < old.length && j < own.length) {
    if (old[i] === own[j]) {
      common.add(j);
      i++;
      j++;
    } else if (lengths[i + 1]![j]! >= lengths[i]![j + 1]!) i++;
    else j++;
  }
  return common;
}
