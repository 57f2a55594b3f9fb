import { pySplit } from '../../shared/python-strings.js';

/*
 * The question in a prompt. Tools add other text: an image token, context, OCR tokens, an instruction. The options of a
 * multiple-choice question are part of it, since benchmarks repeat questions with different options.
 */

const FIRST_OPTION = /^\(?A[.):] ?/;
const OPTION = /^\(?[A-H][.):] ?/;

/** Begin lines before the question. Sources: LLaVA's question file of TextVQA; lmms_eval/tasks/mmvet/mmvet.yaml */
const PREFACES = ['Reference OCR token:', 'First please perform reasoning, and think step by step'];

/**
 * The question in a prompt, in a form that is the same for all tools: the question's line and its options, if any; see
 * `normalizeQuestion`. Source of the form with OCR tokens: LLaVA eval_textvqa.py, prompt_processor
 */
export function questionIn(prompt: string): string {
  if (prompt.startsWith('OCR tokens: ')) {
    return normalizeQuestion(/Question: (.*?) Short answer:/s.exec(prompt)?.[1] ?? prompt);
  }
  const text = prompt.includes('<image>') ? prompt.replaceAll('<image>', '') : prompt;
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const first = lines.findIndex((line, i) => i > 0 && FIRST_OPTION.test(line));
  if (first > 0) {
    let end = first + 1;
    while (end < lines.length && OPTION.test(lines[end]!)) end++;
    return normalizeQuestion(lines.slice(first - 1, end).join('\n'));
  }
  const question = lines.find((line) => !PREFACES.some((preface) => line.startsWith(preface))) ?? '';
  return normalizeQuestion(question);
}

/** A question from `questionIn` without its options. */
export function withoutOptions(question: string): string {
  return question.split(/ \(?a[.):] /, 1)[0]!;
}

/**
 * Removes differences between files: MME's own questions ask for yes or no after one or two spaces, LLaVA's question
 * file does not; POPE's misspelt "imange" was corrected later.
 */
export function normalizeQuestion(text: string): string {
  const lower = text.toLowerCase().replaceAll('please answer yes or no.', ' ').replaceAll('imange', 'image');
  return pySplit(lower).join(' ');
}

/** Whether a prompt contains a question. @param question from `questionIn` */
export function asks(prompt: string, question: string): boolean {
  return normalizeQuestion(prompt).includes(question);
}
