import { pySplit } from '../../shared/python-strings.js';

/*
 * The question in a prompt. Tools put other words around it: an image token, context, OCR tokens, an instruction. Options
 * of a choice are part of the question, since benchmarks ask the same question with different ones.
 */

const FIRST_OPTION = /^\(?A[.):] ?/;
const OPTION = /^\(?[A-H][.):] ?/;

/**
 * The question in a prompt in a form that two tools' prompts share: the line of the question, and its options if it has
 * some; see `normalizeQuestion`. Source of the shape with OCR tokens: LLaVA eval_textvqa.py, prompt_processor
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
  const question = lines.find((line) => !line.startsWith('Reference OCR token:')) ?? '';
  return normalizeQuestion(question);
}

/**
 * Without what differs between files: MME's own questions ask for yes or no behind one space or two, LLaVA's question
 * file does not; POPE's misspelt "imange" was corrected later.
 */
export function normalizeQuestion(text: string): string {
  const lower = text.toLowerCase().replaceAll('please answer yes or no.', ' ').replaceAll('imange', 'image');
  return pySplit(lower).join(' ');
}

/** Whether a prompt has a question in it, with whatever other words around. @param question from `questionIn` */
export function asks(prompt: string, question: string): boolean {
  return normalizeQuestion(prompt).includes(question);
}
