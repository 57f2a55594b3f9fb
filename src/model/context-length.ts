import type { Architecture, LanguageModel } from './architecture.js';
import { visionSizes } from './export/vision-sizes.js';

/** Positions an answer may run past the context, as in the official code. */
const ANSWER_HEADROOM = 2048;
/** Positions every exported decoder has: enough for LLaVA-1.5 at 1,792 px (16,384 visual tokens). */
const MIN_POSITIONS = 20480;

/** Number of positions for which a decoder has rotary embeddings. */
export function decoderPositions({ maxPositions }: LanguageModel): number {
  return Math.max(maxPositions + ANSWER_HEADROOM, MIN_POSITIONS);
}

/**
 * Longest prompt in tokens, visual tokens included. Above the trained size the context grows by the additional visual
 * tokens, as it has to when training at that size: LLaVA-1.5 at 1,022 px has 5,329 visual tokens
 * (LLaVA-HR paper, table 1), more than its whole context at 336 px.
 * @param visualTokens per image at the size the model runs at
 */
export function contextLength(architecture: Architecture, visualTokens: number): number {
  const trained = visionSizes(architecture, architecture.inputImageSize).visualTokens;
  return architecture.language.maxPositions + Math.max(0, visualTokens - trained);
}

/** Whether prompts with this many visual tokens, and answers to them, stay within the decoder's positions. */
export function fitsDecoder(architecture: Architecture, visualTokens: number): boolean {
  return contextLength(architecture, visualTokens) + ANSWER_HEADROOM <= decoderPositions(architecture.language);
}
