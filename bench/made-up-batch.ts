import { madeUpPixels } from '../src/model/images/made-up-pixels.js';
import type { Batch } from '../src/model/inference/protocol.js';
import { IMAGE_TOKEN } from '../src/model/prompt.js';

/** A prompt of arbitrary ids: `before` tokens, the image, `after` tokens of which the last ones differ by `seed`. */
export function promptIds(before: number, after: number, seed: number): number[] {
  const tail = Array.from({ length: after }, (_, i) => 3 + ((seed + i * 7) % 30000));
  return [...Array.from({ length: before }, (_, i) => 3 + i), IMAGE_TOKEN, ...tail];
}

/** An image at 1,024 px with questions about it, all answered with `newTokens` tokens. */
export function imageBatch(prompts: number[][], newTokens: number): Batch {
  return {
    pixels: madeUpPixels(1024 * 1024 * 3, 24),
    rows: [{ image: 0, prompts }],
    maxNewTokens: newTokens,
    minSteps: newTokens,
    timePrefill: false,
  };
}
