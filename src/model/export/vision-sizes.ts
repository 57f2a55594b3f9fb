import { usageError } from '../../shared/errors.js';
import type { Architecture } from '../architecture.js';
import { maxTiledTokens } from '../images/tiles.js';
import { convNextGrid } from './convnext.js';

/** Sizes that follow from an architecture and an input resolution. */
export interface VisionSizes {
  /** Side of the square input, pixels. */
  resolution: number;
  /** Side of the low-resolution pathway's input, pixels; equals `resolution` in LLaVA-1.5. */
  fastSize: number;
  /** Patches along one side of the low-resolution pathway. */
  fastGrid: number;
  /** Tokens of one square input: fastGrid squared. */
  squareTokens: number;
  /** Prompt tokens per image: those of its square, or at most so many where it is cut into tiles. */
  visualTokens: number;
}

/**
 * Sizes of both pathways for a resolution.
 * @throws UserError (usage) for resolutions that the official code does not accept
 */
export function visionSizes(architecture: Architecture, resolution: number): VisionSizes {
  const { clip, family, tiling } = architecture;
  if (!Number.isInteger(resolution) || resolution < 1) {
    throw usageError(`The resolution must be a positive integer (pixels), got ${resolution}.`);
  }
  if (tiling !== undefined && resolution !== architecture.inputImageSize) {
    throw usageError(
      `LLaVA-NeXT cuts images of any size into tiles of ${architecture.inputImageSize} px: --resolution ${resolution} is not possible.`,
    );
  }
  if (family !== 'llava-hr') {
    if (resolution % clip.patchSize !== 0) {
      const below = Math.floor(resolution / clip.patchSize) * clip.patchSize;
      throw usageError(
        `LLaVA-1.5 resolutions must be multiples of the patch size ${clip.patchSize}, got ${resolution}; ` +
          `try ${below || clip.patchSize} or ${below + clip.patchSize}.`,
      );
    }
    const sizes = sizesOf(resolution, resolution, clip.patchSize);
    if (tiling === undefined) return sizes;
    return { ...sizes, visualTokens: maxTiledTokens(tiling, resolution, sizes.fastGrid) };
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
  const squareTokens = fastGrid * fastGrid;
  return { resolution, fastSize, fastGrid, squareTokens, visualTokens: squareTokens };
}
