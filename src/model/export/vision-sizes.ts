import { usageError } from '../../shared/errors.js';
import type { Architecture } from '../architecture.js';
import { convNextGrid } from './convnext.js';

/** What follows from an architecture and an input resolution. */
export interface VisionSizes {
  /** Side of the square input, pixels. */
  resolution: number;
  /** Side of the low-resolution pathway's input, pixels; the resolution itself in LLaVA-1.5. */
  fastSize: number;
  /** Patches along one side of the low-resolution pathway. */
  fastGrid: number;
  /** Tokens one image costs in the prompt: fastGrid squared. */
  visualTokens: number;
}

/**
 * Sizes of both pathways for a resolution.
 * @throws UserError (usage) when the official code would not accept the resolution either
 */
export function visionSizes(architecture: Architecture, resolution: number): VisionSizes {
  const { clip, family } = architecture;
  if (!Number.isInteger(resolution) || resolution < 1) {
    throw usageError(`Resolution must be a whole number of pixels, got ${resolution}.`);
  }
  if (family === 'llava-1.5') {
    if (resolution % clip.patchSize !== 0) {
      const below = Math.floor(resolution / clip.patchSize) * clip.patchSize;
      throw usageError(
        `LLaVA-1.5 takes resolutions that are multiples of its patch size ${clip.patchSize}: ` +
          `${resolution} is not one, ${below || clip.patchSize} and ${below + clip.patchSize} are.`,
      );
    }
    return sizesOf(resolution, resolution, clip.patchSize);
  }
  // Official multipath_encoder_wapper.py: int(size / 32 * 14), never below the tower's native size.
  const sizes = sizesOf(resolution, Math.max(Math.trunc((resolution / 32) * 14), clip.imageSize), clip.patchSize);
  const slowTokens = convNextGrid(resolution) ** 2;
  if (slowTokens === 0 || sizes.visualTokens % slowTokens !== 0) {
    throw usageError(
      `Resolution ${resolution} gives ${slowTokens} cells on the high-resolution pathway and ${sizes.visualTokens} tokens ` +
        `on the low-resolution one; LLaVA-HR needs the second to be a multiple of the first. ` +
        `Multiples of 32 from ${Math.ceil(clip.imageSize / 14) * 32} up always work.`,
    );
  }
  return sizes;
}

function sizesOf(resolution: number, fastSize: number, patchSize: number): VisionSizes {
  const fastGrid = Math.floor(fastSize / patchSize);
  return { resolution, fastSize, fastGrid, visualTokens: fastGrid * fastGrid };
}
