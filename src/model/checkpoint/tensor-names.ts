import { UserError } from '../../shared/errors.js';
import { type ConfigBlock, keyName } from './config-file.js';
import { NEWLINE_NAME } from './required-tensors.js';
import type { TensorInfo } from './tensor-source.js';

export type Layout = 'llava-hr' | 'llava-1.5' | 'llava-hf';

/** Name prefixes in the files and in the official state dict. The first matching rule applies. */
export type NameRules = readonly (readonly [stored: string, official: string])[];

const CLIP = 'model.vision_tower.vision_tower.';

// A `linear` projector is a single nn.Linear; we name it like a one-layer MLP.
const LINEAR_PROJECTOR_RULES: NameRules = [
  ['model.mm_projector.weight', 'model.mm_projector.0.weight'],
  ['model.mm_projector.bias', 'model.mm_projector.0.bias'],
];
const OFFICIAL_RULES: NameRules = [['', '']];
/** transformers before 4.52 */
const OLDER_HF_RULES: NameRules = [
  ['multi_modal_projector.linear_1.', 'model.mm_projector.0.'],
  ['multi_modal_projector.linear_2.', 'model.mm_projector.2.'],
  ['image_newline', NEWLINE_NAME],
  ['vision_tower.vision_model.', `${CLIP}vision_model.`],
  ['vision_tower.', `${CLIP}vision_model.`], // transformers 5.18
  ['language_model.lm_head.', 'lm_head.'],
  ['language_model.model.', 'model.'],
];
const NEWER_HF_RULES: NameRules = [
  ['model.multi_modal_projector.linear_1.', 'model.mm_projector.0.'],
  ['model.multi_modal_projector.linear_2.', 'model.mm_projector.2.'],
  ['model.image_newline', NEWLINE_NAME],
  ['model.vision_tower.vision_model.', `${CLIP}vision_model.`],
  ['model.vision_tower.', `${CLIP}vision_model.`],
  ['lm_head.', 'lm_head.'],
  ['model.language_model.', 'model.'],
];
/** A CLIP tower in a separate folder, in the layout of OpenAI's checkpoints. */
export const CLIP_FOLDER_RULES: NameRules = [['vision_model.', `${CLIP}vision_model.`]];

/**
 * Detects the layout of a checkpoint from its config and the tensor names in its files.
 * @throws UserError when it is not a LLaVA checkpoint
 */
export function detectLayout(config: ConfigBlock, stored: ReadonlyMap<string, TensorInfo>): Layout {
  const has = (...beginnings: string[]) =>
    [...stored.keys()].some((name) => beginnings.some((beginning) => name.startsWith(beginning)));
  if (
    config.values.is_multipath_encoder === true ||
    has('model.vision_tower.fast_vision_tower.', 'model.vision_tower.slow_vision_tower.')
  ) {
    return 'llava-hr';
  }
  if (has('multi_modal_projector.', 'model.multi_modal_projector.')) return 'llava-hf';
  if (has('model.mm_projector.')) return 'llava-1.5';
  throw new UserError(
    `${keyName(config, 'model_type')} is ${JSON.stringify(config.values.model_type)}, and the weights have no vision-language projector: this is not a LLaVA-HR or LLaVA-1.5 checkpoint.`,
  );
}

export function nameRules(layout: Layout, stored: ReadonlyMap<string, TensorInfo>): NameRules {
  if (layout === 'llava-hf') {
    return stored.has('multi_modal_projector.linear_1.weight') ? OLDER_HF_RULES : NEWER_HF_RULES;
  }
  return stored.has('model.mm_projector.weight') ? [...LINEAR_PROJECTOR_RULES, ...OFFICIAL_RULES] : OFFICIAL_RULES;
}

/** The official name of a tensor in the files, or null when no rule matches. */
export function officialName(stored: string, rules: NameRules): string | null {
  const rule = rules.find(([beginning]) => stored.startsWith(beginning));
  if (rule === undefined) return null;
  const name = rule[1] + stored.slice(rule[0].length);
  // timm names the layer scale of a ConvNeXt block `gamma`, the official code `weight`.
  return name.replace(/(\.stages\.\d+\.blocks\.\d+)\.gamma$/, '$1.weight');
}

/** The name of a tensor in the files, whether it exists or not. */
export function storedName(official: string, rules: NameRules): string {
  const rule = rules.find(([, beginning]) => official.startsWith(beginning));
  return rule === undefined ? official : rule[0] + official.slice(rule[1].length);
}

/** Tensors that checkpoints contain but the model does not use. */
const UNUSED = [
  /\.rotary_emb\.(inv_freq|cos_cached|sin_cached)$/,
  /\.position_ids$/,
  /\.vision_model\.post_layernorm\.(weight|bias)$/,
  /\.vision_model\.embeddings\.class_embedding$/, // LLaVA-HR drops the class token
  /\.vision_model\.encoder\.layers\.\d+\./, // LLaVA-1.5 does not run the last layer
  /\.slow_vision_tower\.vision_tower\.(head|norm_pre)\./,
];

/** Whether a tensor is known to be unused, so that ignoring it needs no attention. */
export function isKnownUnused(name: string): boolean {
  return UNUSED.some((pattern) => pattern.test(name));
}
