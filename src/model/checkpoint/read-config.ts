import { UserError } from '../../shared/errors.js';
import type { Architecture, Projector, Tiling } from '../architecture.js';
import type { ConvMode } from '../conversation.js';
import { type ConfigBlock, keyName, readBlock, readCount, readFlag, readInteger, readText } from './config-file.js';
import { type DecoderType, readLanguageModel } from './language-config.js';
import { checkAgainstWeights, countIndices, type NamedTensors, shapeOf, unsupported } from './named-tensors.js';
import { clipPrefix } from './required-tensors.js';
import type { Layout } from './tensor-names.js';
import { readClipTower, readConvNextTower } from './vision-config.js';

/** LLaVA's own options, for which the official layouts and llava-hf use different keys. */
interface LlavaOptions {
  /** The language model's config. */
  language: ConfigBlock;
  decoder: DecoderType;
  projectorLayers: number;
  /** Key of the index into the hidden states of the CLIP tower; negative ones count from the end. */
  selectLayerKey: string;
  selectLayer: number | undefined;
  imageAspect: Architecture['imageAspect'];
  /** [width, height] of the sizes that images are scaled to and cut; null where they are not cut. */
  sizes: [number, number][] | null;
}

/** Key of LLaVA-NeXT's image sizes. */
const PINPOINTS = 'image_grid_pinpoints';
const MAX_SIZES = 100;

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
  const tower = layout === 'llava-hr' ? 'llava-hr' : 'llava-1.5';
  const options = layout === 'llava-hf' ? readHfOptions(config) : readOfficialOptions(config, tower);
  const { sizes } = options;
  const family = sizes === null ? tower : 'llava-next';
  const language = readLanguageModel(options.language, options.decoder, tensors);
  const found = readClipTower(tensors, clipPrefix(family), vision, config);
  const clip = { ...found, usedLayers: countUsedLayers(config, family, options, found.layers) };
  const projector = readProjector(config, options.projectorLayers, tensors, clip.hiddenSize);
  if (family !== 'llava-hr') {
    // The official code truncates longer prompts, image included; we refuse such a sample.
    const tokenizerMax = readCount(config, 'tokenizer_model_max_length') ?? Number.POSITIVE_INFINITY;
    language.maxPositions = Math.min(language.maxPositions, tokenizerMax);
  }
  const inputImageSize = readCount(config, 'input_image_size') ?? clip.imageSize;
  return {
    family,
    language,
    clip,
    convnext: family === 'llava-hr' ? readConvNextTower(tensors, config) : null,
    stageAdapters: family === 'llava-hr' && hasStageAdapters(config, tensors),
    projector,
    inputImageSize,
    imageAspect: options.imageAspect,
    ...(sizes && { tiling: tilingOf(config, sizes, inputImageSize, layout) }),
  };
}

/**
 * The conversation template of a checkpoint, where it says one: LLaVA-NeXT's programs ask its Mistral models in their own.
 * Source: LLaVA run_llava.py, which goes by the checkpoint's name.
 */
export function trainedConvMode(
  layout: Layout,
  config: ConfigBlock,
  family: Architecture['family'],
): ConvMode | undefined {
  const decoder = layout === 'llava-hf' ? hfDecoderOf(config).decoder : decoderOf(config);
  return family === 'llava-next' && decoder === 'mistral' ? 'mistral_instruct' : undefined;
}

function tilingOf(config: ConfigBlock, sizes: [number, number][], side: number, layout: Layout): Tiling {
  const odd = sizes.find((size) => size.some((length) => length % side !== 0));
  if (odd === undefined) return { sizes, roundsBeforeTruncating: layout === 'llava-hf' };
  throw new UserError(
    `${keyName(config, PINPOINTS)} has ${odd.join(' x ')}, which cannot be cut into tiles of ${side} px.`,
  );
}

/** Whether the LM head shares the embedding's weights; its own tensor may then be missing. */
export function tiesEmbeddings(config: ConfigBlock): boolean {
  const text = readBlock(config, 'text_config');
  return (text && readFlag(text, 'tie_word_embeddings')) ?? readFlag(config, 'tie_word_embeddings') ?? false;
}

function readOfficialOptions(config: ConfigBlock, family: Architecture['family']): LlavaOptions {
  const decoder = decoderOf(config);
  if (readFlag(config, 'mm_use_im_start_end')) {
    unsupported(config, 'mm_use_im_start_end', 'its prompts put special tokens around the image');
  }
  const aspect = readText(config, 'image_aspect_ratio');
  const merge = readText(config, 'mm_patch_merge_type') ?? 'flat';
  const isTiled = aspect === 'anyres';
  if (aspect?.startsWith('anyres') && !isTiled) unsupported(config, 'image_aspect_ratio', 'of its kind only anyres is');
  if (merge !== (isTiled ? 'spatial_unpad' : 'flat')) {
    const only = isTiled ? 'with anyres only spatial_unpad is' : 'without anyres only flat is';
    unsupported(config, 'mm_patch_merge_type', only);
  }
  if (isTiled && family === 'llava-hr') unsupported(config, 'image_aspect_ratio', 'two pathways do not cut images');

  const feature = readText(config, 'mm_vision_select_feature') ?? 'patch';
  if (family === 'llava-1.5' && feature !== 'patch') unsupported(config, 'mm_vision_select_feature', 'only patch is');
  return {
    language: config,
    decoder,
    projectorLayers: countProjectorLayers(config),
    selectLayerKey: 'mm_vision_select_layer',
    selectLayer: readInteger(config, 'mm_vision_select_layer'),
    imageAspect: aspect === 'pad' ? 'pad' : 'crop',
    sizes: isTiled ? readSizes(config) : null,
  };
}

/** Source: LLaVA-HR and LLaVA. Other types have other decoders, such as llava_mpt. */
function decoderOf(config: ConfigBlock): DecoderType {
  const modelType = readText(config, 'model_type') ?? 'llava';
  if (modelType === 'llava_mistral') return 'mistral';
  if (['llava', 'llava_llama'].includes(modelType)) return 'llama';
  return unsupported(config, 'model_type', 'only llava, llava_llama and llava_mistral are');
}

/** @returns the pairs as they are in the config, which may be Python's text of a list, as in LLaVA's training scripts */
function readSizes(config: ConfigBlock): [number, number][] {
  const value = config.values[PINPOINTS];
  const list = typeof value === 'string' ? parsePythonList(value) : value;
  const isSize = (size: unknown): size is [number, number] =>
    Array.isArray(size) && size.length === 2 && size.every((length) => Number.isSafeInteger(length) && length > 0);
  if (Array.isArray(list) && list.length > 0 && list.length <= MAX_SIZES && list.every(isSize)) return list;
  throw new UserError(
    `${keyName(config, PINPOINTS)} must be a list of sizes such as [[336, 672]], found ${JSON.stringify(value)?.slice(0, 80)}.`,
  );
}

/** @returns undefined for a text that is no list of lists or tuples of numbers */
function parsePythonList(text: string): unknown {
  try {
    return JSON.parse(text.replaceAll('(', '[').replaceAll(')', ']'));
  } catch {
    return undefined;
  }
}

function countProjectorLayers(config: ConfigBlock): number {
  const type = readText(config, 'mm_projector_type') ?? 'linear';
  if (type === 'linear') return 1;
  const layers = /^mlp(\d+)x_gelu$/.exec(type)?.[1];
  return layers === undefined
    ? unsupported(config, 'mm_projector_type', 'only linear and mlp<N>x_gelu are')
    : Number(layers);
}

function hfDecoderOf(config: ConfigBlock): { language: ConfigBlock; decoder: DecoderType } {
  const language = readBlock(config, 'text_config');
  if (language === undefined) throw new UserError(`${keyName(config, 'text_config')} is missing.`);
  const decoder = readText(language, 'model_type') ?? 'llama';
  if (decoder === 'llama' || decoder === 'mistral') return { language, decoder };
  return unsupported(language, 'model_type', 'only llama and mistral are');
}

/** Source: transformers configuration_llava.py, including the defaults of absent keys. */
function readHfOptions(config: ConfigBlock): LlavaOptions {
  const modelType = readText(config, 'model_type') ?? 'llava';
  const isTiled = modelType === 'llava_next';
  if (modelType !== 'llava' && !isTiled) unsupported(config, 'model_type', 'only llava and llava_next are');
  if (isTiled && readFlag(config, 'use_image_newline_parameter') === false) {
    unsupported(config, 'use_image_newline_parameter', 'only true is');
  }
  const { language, decoder } = hfDecoderOf(config);
  if ((readText(config, 'projector_hidden_act') ?? 'gelu') !== 'gelu') {
    unsupported(config, 'projector_hidden_act', 'only gelu is');
  }
  if ((readText(config, 'vision_feature_select_strategy') ?? 'default') !== 'default') {
    unsupported(config, 'vision_feature_select_strategy', 'only default is');
  }
  return {
    language,
    decoder,
    projectorLayers: 2,
    selectLayerKey: 'vision_feature_layer',
    selectLayer: readInteger(config, 'vision_feature_layer') ?? -2,
    // This layout has no key for it; LLaVA-1.5's evaluation pads.
    imageAspect: 'pad',
    // transformers writes heights first.
    sizes: isTiled ? readSizes(config).map(([height, width]) => [width, height]) : null,
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
