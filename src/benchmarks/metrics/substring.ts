import { pyStrip } from '../../shared/python-strings.js';

/**
 * OCRBench's rule: an answer is right when it contains one of the right ones, ignoring case. Source: MultimodalOCR
 * OCRBench/example.py.
 */
export function containsAnswer(answer: string, targets: readonly string[]): boolean {
  const given = inLine(answer.toLowerCase());
  return targets.some((target) => given.includes(inLine(target.toLowerCase())));
}

/** OCRBench's rule for the formulas of HME100k: case counts, spaces do not. Source as above. */
export function containsFormula(answer: string, targets: readonly string[]): boolean {
  const given = withoutSpaces(answer);
  return targets.some((target) => given.includes(withoutSpaces(target)));
}

function inLine(text: string): string {
  return pyStrip(text).replaceAll('\n', ' ');
}

function withoutSpaces(text: string): string {
  return inLine(text).replaceAll(' ', '');
}
