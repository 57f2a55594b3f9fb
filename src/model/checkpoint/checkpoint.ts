import type { Architecture } from '../architecture.js';
import type { TensorInfo } from './tensor-source.js';

/**
 * An opened checkpoint of any supported layout. Tensors go by the names of the official LLaVA-HR / LLaVA-1.5
 * state dict (`model.layers.0.self_attn.q_proj.weight`, `lm_head.weight`, `model.mm_projector.0.weight`,
 * `model.vision_tower.fast_vision_tower.vision_tower.vision_model...` for LLaVA-HR,
 * `model.vision_tower.vision_tower.vision_model...` for LLaVA-1.5), whatever the files call them.
 */
export interface Checkpoint {
  readonly folder: string;
  readonly layout: string;
  readonly architecture: Architecture;
  /** Every file the export depends on (configs, weights, tokenizer), absolute paths. */
  readonly files: readonly string[];
  /** Things the user should know, such as tensors that nothing uses. */
  readonly notes: readonly string[];
  /** @throws UserError naming the tensor (and the file's own name for it) when the checkpoint has none */
  tensor(name: string): TensorInfo;
  /** Raw bytes, as TensorSource.read. */
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}
