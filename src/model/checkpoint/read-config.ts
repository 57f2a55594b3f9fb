import { UserError } from '../../shared/errors.js';
import type { Architecture, Projector } from '../architecture.js';
import { type ConfigBlock, keyName, readBlock, readCount, readFlag, readInteger, readText } from './config-file.js';
import { readLanguageModel } from './language-config.js';
import { checkAgainstWeights, countIndices, type NamedTensors, shapeOf, unsupported } from './named-tensors.js';
import { clipPrefix } from './required-tensors.js';
import type { Layout } from './tensor-names.js';
import { readClipTower, readConvNextTower } from './vision-config.js';

/** LLaVA's own options, for which the official layouts and llava-hf use different keys. */
interface LlavaOptions {
  /** The language model's config. */
  language: ConfigBlock;
  projectorLayers: number;
  /** Key of the index into the hidden states of the CLIP tower; negative ones count from the end. */
  selectLayerKey: string;
  selectLayer: number | undefined;
  imageAspect: Architecture['imageAspect'];
}

/**
 * Reads the architecture from the tensors, and from the configs whatever tensors cannot tell.
 * @param vision config of the CLIP tower, if any: the vision_config block, or the config in the tower's own folder
 * @throws UserError when an option is not supported, unknown, or contradicted by the weights
 */
export function readArchitecture(
  layout: Layout,
  config: ConfigBlock,
  vision: ConfigBlock | null,
  tensors: NamedTensors,
): Architecture {
  const family = layout === 'llava-hr' ? 'llava-hr' : 'llava-1.5';
  const options = layout === 'llava-hf' ? readHfOptions(config) : readOfficialOptions(config, family);
  const language = readLanguageModel(options.language, tensors);
  const tower = readClipTower(tensors, clipPrefix(family), vision, config);
  const clip = { ...tower, usedLayers: countUsedLayers(config, family, options, tower.layers) };
  const projector = readProjector(config, options.projectorLayers, tensors, clip.hiddenSize);
  if (family === 'llava-1.5') {
    // The official code truncates longer prompts, image included; we refuse such a sample.
    const tokenizerMax = readCount(config, 'tokenizer_model_max_length') ?? Number.POSITIVE_INFINITY;
    language.maxPositions = Math.min(language.maxPositions, tokenizerMax);
  }
  return {
    family,
    language,
    clip,
    convnext: family === 'llava-hr' ? readConvNextTower(tensors, config) : null,
    stageAdapters: family === 'llava-hr' && hasStageAdapters(config, tensors),
    projector,
    inputImageSize: readCount(config, 'input_image_size') ?? clip.imageSize,
    imageAspect: options.imageAspect,
  };
}

/** Whether the LM head shares the embedding's weights; its own tensor may then be missing. */
export function tiesEmbeddings(config: ConfigBlock): boolean {
  const text = readBlock(config, 'text_config');
  return (text && readFlag(text, 'tie_word_embeddings')) ?? readFlag(config, 'tie_word_embeddings') ?? false;
}

function readOfficialOptions(config: ConfigBlock, family: Architecture['family']): LlavaOptions {
  const modelType = readText(config, 'model_type') ?? 'llava';
  // Source: LLaVA-HR and LLaVA. Other types have other decoders, such as llava_mpt.
  if (!['llava', 'llava_llama'].includes(modelType))
    unsupported(config, 'model_type', 'only llava and llava_llama are');
  if (readFlag(config, 'mm_use_im_start_end')) {
    unsupported(config, 'mm_use_im_start_end', 'its prompts put special tokens around the image');
  }
  if ((readText(config, 'mm_patch_merge_type') ?? 'flat') !== 'flat') {
    unsupported(config, 'mm_patch_merge_type', 'only flat is; LLaVA-NeXT is not');
  }
  const aspect = readText(config, 'image_aspect_ratio');
  if (aspect?.startsWith('anyres')) unsupported(config, 'image_aspect_ratio', 'LLaVA-NeXT is not');

  const feature = readText(config, 'mm_vision_select_feature') ?? 'patch';
  if (family === 'llava-1.5' && feature !== 'patch') unsupported(config, 'mm_vision_select_feature', 'only patch is');
  return {
    language: config,
    projectorLayers: countProjectorLayers(config),
    selectLayerKey: 'mm_vision_select_layer',
    selectLayer: readInteger(config, 'mm_vision_select_layer'),
    imageAspect: aspect === 'pad' ? 'pad' : 'crop',
  };
}

function countProjectorLayers(config: ConfigBlock): number {
  const type = readText(config, 'mm_projector_type') ?? 'linear';
  if (type === 'linear') return 1;
  const layers = /^mlp(\d+)x_gelu$/.exec(type)?.[1];
  return layers === undefined
    ? unsupported(config, 'mm_projector_type', 'only linear and mlp<N>x_gelu are')
    : Number(layers);
}

/** Source: transformers configuration_llava.py, including the defaults of absent keys. */
function readHfOptions(config: ConfigBlock): LlavaOptions {
  if ((readText(config, 'model_type') ?? 'llava') !== 'llava') unsupported(config, 'model_type', 'only llava is');
  const language = readBlock(config, 'text_config');
  if (language === undefined) throw new UserError(`${keyName(config, 'text_config')} is missing.`);
  if ((readText(language, 'model_type') ?? 'llama') !== 'llama') unsupported(language, 'model_type', 'only llama is');
  if ((readText(config, 'projector_hidden_act') ?? 'gelu') !== 'gelu') {
    unsupported(config, 'projector_hidden_act', 'only gelu is');
  }
  if ((readText(config, 'vision_feature_select_strategy') ?? 'default') !== 'default') {
    unsupported(config, 'vision_feature_select_strategy', 'only default is');
  }
  return {
    language,
    projectorLayers: 2,
    selectLayerKey: 'vision_feature_layer',
    selectLayer: readInteger(config, 'vision_feature_layer') ?? -2,
    // This layout has no key for it; LLaVA-1.5's evaluation pads.
    imageAspect: 'pad',
  };
}

/**
 * Hidden state 0 is the input of the first layer, so hidden state n needs n layers. LLaVA-HR ignores the configured
 * layer and runs all layers, in four equal stages.
 */
function countUsedLayers(
  config: ConfigBlock,
  family: Architecture['family'],
  { selectLayerKey, selectLayer }: LlavaOptions,
  layers: number,
): number {
  if (family === 'llava-hr') {
    if (layers % 4 === 0) return layers;
    throw new UserError(`${config.file}: the CLIP tower has ${layers} layers; LLaVA-HR needs a multiple of 4.`);
  }
  if (selectLayer === undefined)
    throw new UserError(`${keyName(config, selectLayerKey)} is missing; for LLaVA-1.5 it is -2.`);
  const used = selectLayer < 0 ? layers + 1 + selectLayer : selectLayer;
  if (used >= 0 && used <= layers) return used;
  throw new UserError(`${keyName(config, selectLayerKey)} is ${selectLayer}, but the CLIP tower has ${layers} layers.`);
}

function readProjector(config: ConfigBlock, layers: number, tensors: NamedTensors, clipSize: number): Projector {
  const name = 'model.mm_projector.0.weight';
  const [, inputSize] = shapeOf(tensors, name, 2) as [number, number];
  checkAgainstWeights(config, 'mm_hidden_size', readCount(config, 'mm_hidden_size'), inputSize, name);
  const found = countIndices(tensors, 'model.mm_projector');
  if (found !== layers) {
    throw new UserError(
      `${keyName(config, 'mm_projector_type')}: expected a projector with ${layers} layers, but the weights have ${found}.`,
    );
  }
  if (inputSize !== clipSize) {
    throw new UserError(
      `${tensors.folder}: ${name} expects ${inputSize} values per patch, but the CLIP tower outputs ${clipSize}.`,
    );
  }
  return { layers, inputSize };
}

/** Training with freeze_vision creates none. If the config lacks the key, the weights decide. */
function hasStageAdapters(config: ConfigBlock, tensors: NamedTensors): boolean {
  const frozen = readFlag(config, 'freeze_vision');
  return frozen === undefined ? countIndices(tensors, 'model.vision_tower.align_stages_latent') > 0 : !frozen;
}
