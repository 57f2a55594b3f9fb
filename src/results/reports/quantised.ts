const BITS = /^int(\d+)$/;

/** How tables write a precision: a model whose weights were rounded to integers is said to be quantised. */
export function precisionLabel(precision: string): string {
  return BITS.test(precision) ? `${precision} (quantised)` : precision;
}

/** What a table with runs of these precisions says below about the quantised ones; null when there are none. */
export function quantisedNote(precisions: Iterable<string>): string | null {
  const bits = new Set([...precisions].flatMap((precision) => BITS.exec(precision)?.[1] ?? []));
  if (bits.size === 0) return null;
  return (
    `quantised: the language model's linear layers compute with weights of ${[...bits].sort().join(' or ')} bits, so that ` +
    "answers can differ from the checkpoint's"
  );
}
