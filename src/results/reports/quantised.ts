const BITS = /^int(\d+)$/;

/** Label of a precision in tables: integer precisions are marked as quantised. */
export function precisionLabel(precision: string): string {
  return BITS.test(precision) ? `${precision} (quantised)` : precision;
}

/** Note on the quantised runs among these precisions; null if there are none. */
export function quantisedNote(precisions: Iterable<string>): string | null {
  const bits = new Set([...precisions].flatMap((precision) => BITS.exec(precision)?.[1] ?? []));
  if (bits.size === 0) return null;
  return (
    `quantised: linear layers of the language model use ${[...bits].sort().join('- or ')}-bit weights, so answers may ` +
    "differ from the checkpoint's"
  );
}
