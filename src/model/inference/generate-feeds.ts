import { Tensor } from '../onnxruntime.js';
import type { PackedPrompts } from './pack-prompts.js';

/**
 * Inputs of the generation graph (buildGenerateGraph).
 * @param visual visual tokens of the batch's images, [visual, hiddenSize]; empty without images
 * @param minSteps minimum number of decode steps; tokens after the end of an answer are not part of it
 */
export function generateFeeds(
  packed: PackedPrompts,
  visual: Float32Array,
  hiddenSize: number,
  maxNewTokens: number,
  minSteps = 0,
): Record<string, Tensor> {
  // Gather needs at least one row, even when no prompt has an image.
  const features = visual.length > 0 ? visual : new Float32Array(hiddenSize);
  const cells = [packed.rows, packed.length];
  const slots = [packed.rows, packed.questions];
  return {
    input_ids: new Tensor('int64', packed.inputIds, cells),
    positions: new Tensor('int64', packed.positions, cells),
    segments: new Tensor('int64', packed.segments, cells),
    last_positions: new Tensor('int64', packed.lastPositions, slots),
    question_segments: new Tensor('int64', packed.questionSegments, slots),
    visual_tokens: new Tensor('float32', features, [features.length / hiddenSize, hiddenSize]),
    max_new_tokens: scalar(maxNewTokens),
    min_steps: scalar(minSteps),
  };
}

function scalar(value: number): Tensor {
  return new Tensor('int64', BigInt64Array.of(BigInt(value)), []);
}
