import type { Architecture } from '../architecture.js';
import type { ConvMode } from '../conversation.js';
import type { TensorInfo } from './tensor-source.js';

/**
 * An opened checkpoint of any supported layout. Tensors have the names of the official LLaVA-HR / LLaVA-1.5
 * state dict (`model.layers.0.self_attn.q_proj.weight`, `lm_head.weight`, `model.mm_projector.0.weight`,
 * `model.vision_tower.fast_vision_tower.vision_tower.vision_model...` for LLaVA-HR,
 * `model.vision_tower.vision_tower.vision_model...` for LLaVA-1.5), regardless of their names in the files.
 */
export interface Checkpoint {
  readonly folder: string;
  /** Folder of the tokenizer: that of the base model where an adapter has none of its own. */
  readonly tokenizerFolder: string;
  readonly layout: string;
  readonly architecture: Architecture;
  /** The conversation template it was trained with, where that is known not to be the official scripts' one. */
  readonly convMode?: ConvMode | undefined;
  /** Every file the export depends on (configs, weights, tokenizer), absolute paths. */
  readonly files: readonly string[];
  /** Notes for the user, such as unused tensors. */
  readonly notes: readonly string[];
  /** Reasons why the model may not be the one the user expects, such as ignored tensors with unknown names. */
  readonly warnings: readonly string[];
  /** @throws UserError naming the tensor (and its name in the files) when it does not exist */
  tensor(name: string): TensorInfo;
  /** Raw bytes, see TensorSource.read. */
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}
