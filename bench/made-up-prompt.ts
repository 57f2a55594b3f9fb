import { IMAGE_TOKEN } from '../src/model/prompt.js';

/** A prompt of arbitrary ids: `before` tokens, the image, `after` tokens of which the last ones differ by `seed`. */
export function promptIds(before: number, after: number, seed: number): number[] {
  const tail = Array.from({ length: after }, (_, i) => 3 + ((seed + i * 7) % 30000));
  return [...Array.from({ length: before }, (_, i) => 3 + i), IMAGE_TOKEN, ...tail];
}
