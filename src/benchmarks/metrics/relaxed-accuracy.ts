import { pyFloat } from '../../shared/python-numbers.js';
import { pyRstrip } from '../../shared/python-strings.js';

/**
 * ChartQA's relaxed accuracy: numbers may differ by a share of the right one, anything else must be equal but for case. A right
 * answer of zero is compared as text. Source: Qwen-VL eval_mm/evaluate_vqa.py, relaxed_correctness (the same in lmms-eval).
 * @param tolerance 0.05 in ChartQA
 */
export function isRelaxedMatch(answer: string, target: string, tolerance: number): boolean {
  const [given, right] = [toNumber(answer), toNumber(target)];
  if (given === null || right === null || right === 0) return answer.toLowerCase() === target.toLowerCase();
  return Math.abs(given - right) / Math.abs(right) <= tolerance;
}

/** "12 %" is no number in the official script, "12%" is 0.12. */
function toNumber(text: string): number | null {
  if (!text.endsWith('%')) return pyFloat(text);
  const percent = pyFloat(pyRstrip(text, '%'));
  return percent === null ? null : percent / 100;
}
