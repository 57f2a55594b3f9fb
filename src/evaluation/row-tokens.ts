import type { Question } from '../benchmarks/benchmark.js';
import { buildPrompt, tokenizePrompt } from '../model/prompt.js';
import type { QuestionGroup } from './plan-batches.js';
import type { BatchSources } from './prepare-batch.js';

/** Questions that are tokenised; for the others tokens are estimated from characters, since a split may have 450,000. */
const TOKENISED = 50;

/** Returns an estimator for the tokens of a group's row: image and system text once, plus every question. */
export function rowTokens(
  { model, tokenizer, convMode, systemPrompt }: Pick<BatchSources, 'model' | 'tokenizer' | 'convMode' | 'systemPrompt'>,
  questions: readonly Question[],
): (group: QuestionGroup) => number {
  const count = (text: string): number =>
    tokenizePrompt(tokenizer, buildPrompt(text, { convMode, system: systemPrompt })).length;
  const around = count(''); // system text, image, role markers
  const step = Math.max(1, Math.floor(questions.length / TOKENISED));
  const counted = questions.filter((_, i) => i % step === 0);
  const characters = counted.reduce((sum, { text }) => sum + text.length, 0);
  const tokens = counted.reduce((sum, { text }) => sum + count(text) - around, 0);
  const perCharacter = characters > 0 ? tokens / characters : 0;
  return ({ image, questions }) => {
    const text = questions.reduce((sum, { text }) => sum + text.length, 0) * perCharacter;
    const visual = image === null ? 0 : model.vision.visualTokens;
    return Math.ceil(visual + around + text + (questions.length - 1) * ROLE_TOKENS);
  };
}

/** Tokens between a question and its answer, repeated for every question in a row. */
const ROLE_TOKENS = 6;
