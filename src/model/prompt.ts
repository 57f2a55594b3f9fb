import { pyStrip } from '../shared/python-strings.js';
import { type ConvMode, conversationTemplate, OFFICIAL_CONV_MODE } from './conversation.js';
import type { Tokenizer } from './tokenizer/tokenizer.js';

/** Placeholder for the image in a prompt's token ids. Source: LLaVA constants.py, IMAGE_TOKEN_INDEX. */
export const IMAGE_TOKEN = -200;

const IMAGE_TEXT = '<image>';

/** How a question is put. */
export interface PromptOptions {
  /** Default: true. */
  image?: boolean;
  /** Default: vicuna_v1. */
  convMode?: ConvMode;
  /** Replaces the template's system text. */
  system?: string | undefined;
}

/**
 * The prompt for one question in a conversation template, with the image before the question.
 * Source: LLaVA model_vqa_loader.py.
 */
export function buildPrompt(
  question: string,
  { image = true, convMode = OFFICIAL_CONV_MODE, system }: PromptOptions = {},
): string {
  const { before, after, trims } = conversationTemplate(convMode, system);
  const turn = `${image ? `${IMAGE_TEXT}\n` : ''}${question}`;
  return `${before}${trims ? pyStrip(turn) : turn}${after}`;
}

/**
 * The token ids of a prompt, <s> first unless the tokenizer adds none, and IMAGE_TOKEN for every "<image>" in it. An
 * "<image>" in the question itself counts too, as in the official code, where such a question fails because there is no
 * second image.
 * Source: LLaVA mm_utils.py, tokenizer_image_token.
 */
export function tokenizePrompt(tokenizer: Tokenizer, prompt: string): number[] {
  // Each part is encoded separately, so the text after an image begins with a ▁.
  const parts = prompt.split(IMAGE_TEXT).map((text) => tokenizer.encode(text));
  const start = tokenizer.addsBos ? [tokenizer.bosId] : [];
  return parts.flatMap((ids, index) => [...(index === 0 ? start : [IMAGE_TOKEN]), ...ids]);
}

/**
 * The answer in generated token ids: their text up to </s>, without surrounding white space or the template's end of a
 * turn written out as text. Source: LLaVA-HR model_vqa_loader.py.
 */
export function answerText(
  tokenizer: Tokenizer,
  ids: readonly number[],
  convMode: ConvMode = OFFICIAL_CONV_MODE,
): string {
  const { stop } = conversationTemplate(convMode);
  const end = ids.indexOf(tokenizer.eosId);
  const text = pyStrip(tokenizer.decode(end < 0 ? ids : ids.slice(0, end)));
  return stop !== '' && text.endsWith(stop) ? pyStrip(text.slice(0, -stop.length)) : text;
}
