import { wrapText } from '../../shared/wrap-text.js';

const MOST_LINES = 4;

/**
 * Breaks a label into lines of at most `letters` characters: between words where it can be, within longer words otherwise.
 * Only what does not fit into four lines is left out.
 */
export function brokenLines(label: string, letters: number): string[] {
  const lines = wrapText(label, letters)
    .split('\n')
    .flatMap((line) => line.match(new RegExp(`.{1,${letters}}`, 'gu')) ?? []);
  if (lines.length <= MOST_LINES) return lines.length === 0 ? [''] : lines;
  const last = [...lines[MOST_LINES - 1]!].slice(0, letters - 1).join('');
  return [...lines.slice(0, MOST_LINES - 1), `${last}…`];
}
