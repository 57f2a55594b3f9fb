import { CLIP_MEAN, CLIP_STD } from '../clip-pixels.js';
import { type ConfigBlock, readNumbers } from './config-file.js';
import { unsupported } from './named-tensors.js';

/** Numbers in preprocessor_config.json are CLIP's to this many digits. */
const TOLERANCE = 1e-6;
/** PIL.Image.BICUBIC */
const BICUBIC = 3;
const RESCALE_FACTOR = 1 / 255;

/**
 * Compares a preprocessor_config.json, by which transformers prepares images, with what the vision graph does.
 * @throws UserError when pixels would be scaled or resized otherwise
 */
export function checkPreprocessor(config: ConfigBlock): void {
  for (const [key, expected] of [
    ['image_mean', CLIP_MEAN],
    ['image_std', CLIP_STD],
    ['rescale_factor', [RESCALE_FACTOR]],
    ['resample', [BICUBIC]],
  ] as const) {
    const found = readNumbers(config, key);
    if (found === undefined) continue;
    const isSame = found.length === expected.length && found.every((x, i) => Math.abs(x - expected[i]!) < TOLERANCE);
    if (!isSame) unsupported(config, key, `only CLIP's, ${JSON.stringify(expected)}, is`);
  }
}
