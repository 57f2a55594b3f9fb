const MOST_LINES = 4;

/**
 * Breaks a label into lines of at most `letters` characters: at spaces and after hyphens, underscores and slashes, elsewhere
 * only where there are none. What does not fit into four lines is left out.
 */
export function brokenLines(label: string, letters: number): string[] {
  const line = new RegExp(` ?(.{0,${letters - 1}}(?:[-_/]|.(?= |$))|.{1,${letters}})`, 'gu');
  const lines = [...label.trim().replace(/\s+/g, ' ').matchAll(line)].map(([, text]) => text!);
  if (lines.length <= MOST_LINES) return lines.length === 0 ? [''] : lines;
  const last = [...lines[MOST_LINES - 1]!].slice(0, letters - 1).join('');
  return [...lines.slice(0, MOST_LINES - 1), `${last}…`];
}
