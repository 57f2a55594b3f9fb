/** Whether a name fits one in which each "*" stands for any characters. Takes linear time. */
export function fitsName(pattern: string, name: string): boolean {
  const [first, ...others] = pattern.split('*') as [string, ...string[]];
  const last = others.pop();
  if (last === undefined) return name === pattern;
  let at = first.length;
  for (const piece of others) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.startsWith(first) && name.endsWith(last) && name.length >= at + last.length;
}

/** The hub's names of the parts of a table: test-00000-of-00006.parquet */
const PART = /^(.*)-(\d{5})-of-(\d{5})(\..*)$/;

/**
 * What is wrong with the parts of tables among files, of which a download may have left out some, or have brought those of
 * another version of the table; null if nothing is.
 * @param pattern that the names fit: only parts that would fit it are missed
 */
export function partsProblem(pattern: string, names: readonly string[]): string | null {
  const there = new Set(names);
  const totals = new Map<string, { total: string; partOf: (index: number) => string }>();
  for (const name of names) {
    const [, table, , total, ending] = PART.exec(name) ?? [];
    if (table === undefined) continue;
    const other = totals.get(table + ending);
    if (other && other.total !== total) return `${table}${ending} is there in ${other.total} and in ${total} parts`;
    const partOf = (index: number): string => `${table}-${String(index).padStart(5, '0')}-of-${total}${ending}`;
    totals.set(table + ending!, { total: total!, partOf });
  }
  for (const { total, partOf } of totals.values()) {
    for (let index = 0; index < Number(total); index++) {
      const part = partOf(index);
      if (fitsName(pattern, part) && !there.has(part)) return `${part} is missing`;
    }
  }
  return null;
}
