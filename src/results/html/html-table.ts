import type { PlainTable } from '../../terminal/table.js';
import { escapeXml } from '../plots/svg-plot.js';

/**
 * A table whose first column stays in view, in a scrollable box that is reachable by keyboard.
 * @param table titles as text, cells as HTML
 */
export function htmlTable(name: string, { titles, align, lines }: PlainTable): string {
  const numberClass = (column: number): string => (align[column] === 'right' ? ' class="number"' : '');
  const head = titles.map((title, i) => `<th scope="col"${numberClass(i)}>${escapeXml(title)}</th>`).join('');
  const body = lines.map(([first, ...others]) => {
    const cells = others.map((cell, i) => `<td${numberClass(i + 1)}>${cell}</td>`).join('');
    return `<tr><th scope="row">${first}</th>${cells}</tr>`;
  });
  return `<div class="wide" role="region" aria-label="${name}" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>`;
}

/**
 * Takes columns out of a table whose cells are all equal.
 * @param titles of the columns that may go
 * @returns the table, and what was taken out in words: "precision fp32; device cpu"
 */
export function withoutConstants(
  { titles, align, lines }: PlainTable,
  foldable: readonly string[],
): { table: PlainTable; constants: string } {
  const isConstant = titles.map(
    (title, i) => foldable.includes(title) && lines.every((line) => line[i] === lines[0]![i]),
  );
  const kept = <T>(values: readonly T[]): T[] => values.filter((_, i) => !isConstant[i]);
  const constants = titles.flatMap((title, i) =>
    isConstant[i] && lines[0]![i] !== '-' ? [`${title} ${lines[0]![i]}`] : [],
  );
  return {
    table: { titles: kept(titles), align: kept(align), lines: lines.map(kept) },
    constants: constants.join('; '),
  };
}
