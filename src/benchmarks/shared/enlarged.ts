/** A copy with room for more. @param least values to have room for; the length at least doubles */
export function enlarged<T extends Uint8Array | Int32Array | Float64Array>(values: T, least: number): T {
  const copy = new (values.constructor as new (length: number) => T)(Math.max(least, 2 * values.length));
  copy.set(values);
  return copy;
}
