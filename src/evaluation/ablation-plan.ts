import type { Architecture } from '../model/architecture.js';
import { visionSizes } from '../model/export/vision-sizes.js';

/** One row of a resolution ablation, before it is run. */
export interface AblationSize {
  /** Side of the square input in pixels; of the high-resolution pathway if there are two. */
  resolution: number;
  /** Side of the low-resolution pathway's input in pixels; null in LLaVA-1.5, which has one pathway. */
  lowResolution: number | null;
  visualTokens: number;
  /** Size that the checkpoint was trained at. */
  trainedResolution: number;
  /** False if the checkpoint was trained at another size, unlike the models in the paper's ablation. */
  isTrainedSize: boolean;
}

/** Describes a model at a size. @throws UserError (usage) if the official code would not accept the size either */
export function ablationSize(architecture: Architecture, resolution: number): AblationSize {
  const { fastSize, visualTokens } = visionSizes(architecture, resolution);
  return {
    resolution,
    lowResolution: architecture.convnext === null ? null : fastSize,
    visualTokens,
    trainedResolution: architecture.inputImageSize,
    isTrainedSize: resolution === architecture.inputImageSize,
  };
}

/** Stride of the ConvNeXt. The side of LLaVA-HR's input must be a multiple of it. */
const CONVNEXT_STRIDE = 32;

/**
 * Sizes at which to run a model for a comparison with another one: its own, and for each size of the other model the
 * largest supported size that does not exceed it. LLaVA-1.5 supports multiples of its patch size from its own size up, so
 * 1,024 px becomes the 1,022 px of table 1 of the LLaVA-HR paper.
 * @param resolutions sizes of the other model, pixels
 */
export function sizesBeside(
  { clip, convnext, inputImageSize }: Architecture,
  resolutions: readonly number[],
): number[] {
  const step = convnext === null ? clip.patchSize : CONVNEXT_STRIDE;
  const fitting = resolutions
    .map((resolution) => Math.floor(resolution / step) * step)
    .filter((resolution) => convnext !== null || resolution > inputImageSize);
  return [...new Set([inputImageSize, ...fitting])].sort((a, b) => a - b);
}
