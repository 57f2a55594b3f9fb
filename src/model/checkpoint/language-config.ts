import { UserError } from '../../shared/errors.js';
import type { LanguageModel, Llama3Rope } from '../architecture.js';
import {
  type ConfigBlock,
  keyName,
  readBlock,
  readCount,
  readFlag,
  readPositive,
  readText,
  readTokenIds,
} from './config-file.js';
import { checkAgainstWeights, countIndices, type NamedTensors, shapeOf, unsupported } from './named-tensors.js';

interface LanguageDefaults {
  heads: number;
  /** null: as many as `heads`. */
  keyValueHeads: number | null;
  slidingWindow: number | null;
  rmsNormEps: number;
  maxPositions: number;
  ropeTheta: number;
  eosTokenId: number;
}

/** What missing keys mean. Source: transformers 4.57 configuration_llama.py, configuration_mistral.py */
const DEFAULTS: Readonly<Record<'llama' | 'mistral', LanguageDefaults>> = {
  llama: {
    heads: 32,
    keyValueHeads: null,
    slidingWindow: null,
    rmsNormEps: 1e-6,
    maxPositions: 2048,
    ropeTheta: 10000,
    eosTokenId: 2,
  },
  mistral: {
    heads: 32,
    keyValueHeads: 8,
    slidingWindow: 4096,
    rmsNormEps: 1e-6,
    maxPositions: 4096 * 32,
    ropeTheta: 10000,
    eosTokenId: 2,
  },
};

/** The decoders that LLaVA checkpoints are read with. */
export type DecoderType = keyof typeof DEFAULTS;

/**
 * Reads the Llama or Mistral decoder, which differ only in defaults: sizes from the tensors, the rest from the config.
 * @param config config.json, or its text_config in the llava-hf layout
 * @throws UserError for options our decoder does not implement, and when config and weights contradict each other
 */
export function readLanguageModel(config: ConfigBlock, type: DecoderType, tensors: NamedTensors): LanguageModel {
  const defaults = DEFAULTS[type];
  if ((readText(config, 'hidden_act') ?? 'silu') !== 'silu') unsupported(config, 'hidden_act', 'only silu is');
  for (const key of ['attention_bias', 'mlp_bias']) {
    if (readFlag(config, key)) unsupported(config, key, 'the decoder has no biases');
  }
  const [vocabSize, hiddenSize] = shapeOf(tensors, 'model.embed_tokens.weight', 2) as [number, number];
  const [intermediateSize] = shapeOf(tensors, 'model.layers.0.mlp.gate_proj.weight', 2) as [number, number];
  const layers = countIndices(tensors, 'model.layers');
  const embedding = 'model.embed_tokens.weight';
  checkAgainstWeights(config, 'hidden_size', readCount(config, 'hidden_size'), hiddenSize, embedding);
  checkAgainstWeights(config, 'vocab_size', readCount(config, 'vocab_size'), vocabSize, embedding);
  checkAgainstWeights(
    config,
    'intermediate_size',
    readCount(config, 'intermediate_size'),
    intermediateSize,
    'model.layers.0.mlp.gate_proj.weight',
  );
  const configuredLayers = readCount(config, 'num_hidden_layers');
  checkAgainstWeights(config, 'num_hidden_layers', configuredLayers, layers, 'the number of model.layers');
  return {
    layers,
    hiddenSize,
    ...readHeads(config, hiddenSize, tensors, defaults),
    intermediateSize,
    vocabSize,
    rmsNormEps: readPositive(config, 'rms_norm_eps') ?? defaults.rmsNormEps,
    ...readRope(config, defaults),
    ...readSlidingWindow(config, defaults),
    maxPositions: readCount(config, 'max_position_embeddings') ?? defaults.maxPositions,
    ...endTokens(readTokenIds(config, 'eos_token_id') ?? [defaults.eosTokenId]),
  };
}

/** The tokens that end an answer, the first of which fills what is left of a batch. */
export function endTokens(ids: readonly number[]): Pick<LanguageModel, 'eosTokenId' | 'otherEosTokenIds'> {
  const [eosTokenId, ...others] = [...new Set(ids)] as [number, ...number[]];
  return others.length === 0 ? { eosTokenId } : { eosTokenId, otherEosTokenIds: others };
}

function readHeads(
  config: ConfigBlock,
  hiddenSize: number,
  tensors: NamedTensors,
  defaults: LanguageDefaults,
): Pick<LanguageModel, 'heads' | 'keyValueHeads'> {
  const heads = readCount(config, 'num_attention_heads') ?? defaults.heads;
  if (hiddenSize % (2 * heads) !== 0) {
    throw new UserError(
      `${keyName(config, 'num_attention_heads')} is ${heads}, but a hidden size of ${hiddenSize} cannot be split into ${heads} heads of even size.`,
    );
  }
  const headSize = hiddenSize / heads;
  if ((readCount(config, 'head_dim') ?? headSize) !== headSize) {
    unsupported(config, 'head_dim', `only hidden_size / num_attention_heads, ${headSize}, is`);
  }
  const key = 'num_key_value_heads';
  const keyValueHeads = readCount(config, key) ?? (isNull(config, key) ? heads : (defaults.keyValueHeads ?? heads));
  if (heads % keyValueHeads !== 0) {
    throw new UserError(
      `${keyName(config, key)} is ${keyValueHeads}, which does not divide the ${heads} attention heads.`,
    );
  }
  const keys = 'model.layers.0.self_attn.k_proj.weight';
  checkAgainstWeights(config, key, keyValueHeads, shapeOf(tensors, keys, 2)[0]! / headSize, keys);
  return keyValueHeads === heads ? { heads } : { heads, keyValueHeads };
}

function readSlidingWindow(config: ConfigBlock, defaults: LanguageDefaults): Pick<LanguageModel, 'slidingWindow'> {
  const key = 'sliding_window';
  const slidingWindow = readCount(config, key) ?? (isNull(config, key) ? null : defaults.slidingWindow);
  return slidingWindow === null ? {} : { slidingWindow };
}

/** Whether a key is there with the value null, which may mean something else than a missing key. */
function isNull(config: ConfigBlock, key: string): boolean {
  return config.values[key] === null;
}

/** transformers 5 writes `rope_parameters`, older versions `rope_theta` and `rope_scaling`. */
function readRope(
  config: ConfigBlock,
  defaults: LanguageDefaults,
): Pick<LanguageModel, 'ropeTheta' | 'ropeScale' | 'llama3Rope'> {
  const key = readBlock(config, 'rope_parameters') ? 'rope_parameters' : 'rope_scaling';
  const scaling = readBlock(config, key);
  const ropeTheta =
    (scaling && readPositive(scaling, 'rope_theta')) ?? readPositive(config, 'rope_theta') ?? defaults.ropeTheta;
  const unscaled = { ropeTheta, ropeScale: 1 };
  if (scaling === undefined) return unscaled;
  const type = readText(scaling, 'rope_type') ?? readText(scaling, 'type');
  if (type === 'default') return unscaled;
  if (type === 'llama3') return { ...unscaled, llama3Rope: readLlama3Rope(scaling) };
  const factor = readPositive(scaling, 'factor');
  if (type !== 'linear' || factor === undefined) {
    unsupported(config, key, 'only the types "linear" with a factor and "llama3" are');
  }
  return { ropeTheta, ropeScale: factor };
}

function readLlama3Rope(scaling: ConfigBlock): Llama3Rope {
  const required = (key: string): number => {
    const value = readPositive(scaling, key);
    if (value === undefined) throw new UserError(`${keyName(scaling, key)} is missing.`);
    return value;
  };
  const rope = {
    factor: required('factor'),
    lowFrequencyFactor: required('low_freq_factor'),
    highFrequencyFactor: required('high_freq_factor'),
    originalPositions: required('original_max_position_embeddings'),
  };
  if (rope.lowFrequencyFactor < rope.highFrequencyFactor) return rope;
  throw new UserError(`${keyName(scaling, 'low_freq_factor')} must be below high_freq_factor.`);
}
