import { pyStrip } from '../shared/python-strings.js';
import type { Tokenizer } from './tokenizer/tokenizer.js';

/** Placeholder for the image in a prompt's token ids. Source: LLaVA constants.py, IMAGE_TOKEN_INDEX. */
export const IMAGE_TOKEN = -200;

const IMAGE_TEXT = '<image>';
const SYSTEM =
  'A chat between a curious user and an artificial intelligence assistant. ' +
  "The assistant gives helpful, detailed, and polite answers to the user's questions.";

/**
 * The prompt for one question in the conversation template vicuna_v1, with the image before the question.
 * Source: LLaVA conversation.py, model_vqa_loader.py.
 */
export function buildPrompt(question: string, options: { image: boolean } = { image: true }): string {
  const image = options.image ? `${IMAGE_TEXT}\n` : '';
  return `${SYSTEM} USER: ${image}${question} ASSISTANT:`;
}

/**
 * The token ids of a prompt, <s> first and IMAGE_TOKEN for every "<image>" in it. An "<image>" in the question
 * itself counts too, as in the official code, where such a question fails because there is no second image.
 * Source: LLaVA mm_utils.py, tokenizer_image_token.
 */
export function tokenizePrompt(tokenizer: Tokenizer, prompt: string): number[] {
  // Each part is encoded separately, so the text after an image begins with a ▁.
  const parts = prompt.split(IMAGE_TEXT).map((text) => tokenizer.encode(text));
  return parts.flatMap((ids, index) => [index === 0 ? tokenizer.bosId : IMAGE_TOKEN, ...ids]);
}

/**
 * The answer in generated token ids: their text up to </s>, without surrounding white space or a trailing "</s>" written
 * out as text. Source: LLaVA-HR model_vqa_loader.py.
 */
export function answerText(tokenizer: Tokenizer, ids: readonly number[]): string {
  const end = ids.indexOf(tokenizer.eosId);
  const text = pyStrip(tokenizer.decode(end < 0 ? ids : ids.slice(0, end)));
  return text.endsWith('</s>') ? pyStrip(text.slice(0, -'</s>'.length)) : text;
}
