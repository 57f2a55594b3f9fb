/** A speed published in the LLaVA-HR paper. */
export interface PublishedSpeed {
  family: 'llava-hr' | 'llava-1.5';
  /** Hidden size of the decoder: 4096 is the 7B. */
  hiddenSize: number;
  /** Side of the square input in pixels. */
  resolution: number;
  /** Vision and generation of ten new tokens, at batch size 1. */
  tokensPerSecond: number;
}

/** Source and hardware of the published speeds. */
export const PUBLISHED_SPEED_SOURCE =
  'LLaVA-HR paper, version 1, table 1 (https://arxiv.org/abs/2403.03003v1), on an NVIDIA A800';

/** The paper's LLaVA-1.5 was retrained with its vision tower; its dimensions are those of the released model. */
const SPEEDS: readonly PublishedSpeed[] = (
  [
    ['llava-1.5', 336, 23.8],
    ['llava-hr', 384, 23.8],
    ['llava-1.5', 448, 19.9],
    ['llava-hr', 768, 23.5],
    ['llava-1.5', 672, 12.7],
    ['llava-hr', 1024, 19.7],
    ['llava-1.5', 1022, 5.6],
    ['llava-hr', 1536, 12.6],
  ] as const
).map(([family, resolution, tokensPerSecond]) => ({ family, hiddenSize: 4096, resolution, tokensPerSecond }));

/** The published speed of a model of these dimensions at a size; null if there is none. */
export function publishedSpeed(model: { family: string; hiddenSize: number; resolution: number }): number | null {
  const { family, hiddenSize, resolution } = model;
  const same = SPEEDS.find(
    (speed) => speed.family === family && speed.hiddenSize === hiddenSize && speed.resolution === resolution,
  );
  return same?.tokensPerSecond ?? null;
}
