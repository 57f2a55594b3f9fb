import type { Question } from '../benchmarks/benchmark.js';
import type { Model } from '../model/model-folder.js';
import { buildPrompt, tokenizePrompt } from '../model/prompt.js';
import type { Tokenizer } from '../model/tokenizer/tokenizer.js';
import type { QuestionGroup } from './plan-batches.js';

/** Questions whose tokens are counted; the others' are estimated from their characters, as a split may have 450,000. */
const COUNTED = 50;

/** A function that estimates the tokens of a group's row: the image and the system text once, and every question. */
export function rowTokens(
  model: Model,
  tokenizer: Tokenizer,
  questions: readonly Question[],
): (group: QuestionGroup) => number {
  const count = (text: string): number => tokenizePrompt(tokenizer, buildPrompt(text)).length;
  const around = count(''); // system text, image, the marks of the roles
  const step = Math.max(1, Math.floor(questions.length / COUNTED));
  const counted = questions.filter((_, i) => i % step === 0);
  const characters = counted.reduce((sum, { text }) => sum + text.length, 0);
  const tokens = counted.reduce((sum, { text }) => sum + count(text) - around, 0);
  const perCharacter = characters > 0 ? tokens / characters : 0;
  return ({ image, questions: asked }) => {
    const own = asked.reduce((sum, { text }) => sum + text.length, 0) * perCharacter;
    const visual = image === null ? 0 : model.vision.visualTokens;
    return Math.ceil(visual + around + own + (asked.length - 1) * ROLE_TOKENS);
  };
}

/** Tokens between a question and its answer, which every question of a row has again. */
const ROLE_TOKENS = 6;
