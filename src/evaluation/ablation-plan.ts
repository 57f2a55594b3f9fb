import type { Architecture } from '../model/architecture.js';
import { visionSizes } from '../model/export/vision-sizes.js';

/** One row of a resolution ablation, before it is run. */
export interface AblationSize {
  /** Side of the square input in pixels: of the high-resolution pathway where there are two. */
  resolution: number;
  /** Side of the low-resolution pathway's input in pixels; null in LLaVA-1.5, which has one pathway. */
  lowResolution: number | null;
  visualTokens: number;
  /** false: the checkpoint was trained at another size, so this is not what the paper's ablation measured. */
  isTrainedSize: boolean;
}

/** A size of a model. @throws UserError (usage) when the official code would not accept the size either */
export function ablationSize(architecture: Architecture, resolution: number): AblationSize {
  const { fastSize, visualTokens } = visionSizes(architecture, resolution);
  return {
    resolution,
    lowResolution: architecture.convnext === null ? null : fastSize,
    visualTokens,
    isTrainedSize: resolution === architecture.inputImageSize,
  };
}

/** Stride of the ConvNeXt: sides of LLaVA-HR's input are multiples of it. */
const CONVNEXT_STRIDE = 32;

/**
 * The sizes at which a model stands beside another one: its own, and for every size of the other the largest that it can
 * take and that is not above it. LLaVA-1.5 takes multiples of its patch size, and is not shrunk below its own size, so
 * 1,024 px become the 1,022 px of the LLaVA-HR paper's table 1.
 * @param resolutions of the other model, pixels
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
