const MAX_ENTRIES = 200_000;

/**
 * Remembers a function's results. Answers repeat: two million human answers of VQAv2 are among a few thousand texts, and
 * normalising each once takes most of the time out of scoring. Starts over when it holds 200,000.
 */
export function memoized(compute: (text: string) => string): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const result = compute(text);
    if (known.size >= MAX_ENTRIES) known.clear();
    known.set(text, result);
    return result;
  };
}
