import { usageError } from '../../shared/errors.js';
import type { Architecture } from '../architecture.js';
import { convNextGrid } from './convnext.js';

/** Sizes that follow from an architecture and an input resolution. */
export interface VisionSizes {
  /** Side of the square input, pixels. */
  resolution: number;
  /** Side of the low-resolution pathway's input, pixels; equals `resolution` in LLaVA-1.5. */
  fastSize: number;
  /** Patches along one side of the low-resolution pathway. */
  fastGrid: number;
  /** Prompt tokens per image: fastGrid squared. */
  visualTokens: number;
}

/**
 * Sizes of both pathways for a resolution.
 * @throws UserError (usage) for resolutions that the official code does not accept
 */
export function visionSizes(architecture: Architecture, resolution: number): VisionSizes {
  const { clip, family } = architecture;
  if (!Number.isInteger(resolution) || resolution < 1) {
    throw usageError(`The resolution must be a positive integer (pixels), got ${resolution}.`);
  }
  if (family === 'llava-1.5') {
    if (resolution % clip.patchSize !== 0) {
      const below = Math.floor(resolution / clip.patchSize) * clip.patchSize;
      throw usageError(
        `LLaVA-1.5 resolutions must be multiples of the patch size ${clip.patchSize}, got ${resolution}; ` +
          `try ${below || clip.patchSize} or ${below + clip.patchSize}.`,
      );
    }
    return sizesOf(resolution, resolution, clip.patchSize);
  }
  // Official multipath_encoder_wapper.py: int(size / 32 * 14), at least the tower's native size.
  const sizes = sizesOf(resolution, Math.max(Math.trunc((resolution / 32) * 14), clip.imageSize), clip.patchSize);
  const slowTokens = convNextGrid(resolution) ** 2;
  if (slowTokens === 0 || sizes.visualTokens % slowTokens !== 0) {
    throw usageError(
      `Resolution ${resolution} gives ${slowTokens} cells on the high-resolution pathway and ${sizes.visualTokens} tokens ` +
        `on the low-resolution one; LLaVA-HR requires the second to be a multiple of the first. ` +
        `Any multiple of 32 from ${Math.ceil(clip.imageSize / 14) * 32} up works.`,
    );
  }
  return sizes;
}

function sizesOf(resolution: number, fastSize: number, patchSize: number): VisionSizes {
  const fastGrid = Math.floor(fastSize / patchSize);
  return { resolution, fastSize, fastGrid, visualTokens: fastGrid * fastGrid };
}
