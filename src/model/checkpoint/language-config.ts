import { UserError } from '../../shared/errors.js';
import type { LanguageModel } from '../architecture.js';
import {
  type ConfigBlock,
  keyName,
  readBlock,
  readCount,
  readFlag,
  readInteger,
  readPositive,
  readText,
} from './config-file.js';
import { checkAgainstWeights, countIndices, type NamedTensors, shapeOf, unsupported } from './named-tensors.js';

/** Defaults of transformers' LlamaConfig for missing keys. Source: transformers 4.31 configuration_llama.py */
const DEFAULTS = { heads: 32, rmsNormEps: 1e-6, maxPositions: 2048, ropeTheta: 10000, eosTokenId: 2 };

/**
 * Reads the Llama decoder: sizes from the tensors, the rest from the config.
 * @param config config.json, or its text_config in the llava-hf layout
 * @throws UserError for options our decoder does not implement, and when config and weights contradict each other
 */
export function readLanguageModel(config: ConfigBlock, tensors: NamedTensors): LanguageModel {
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
    heads: readHeads(config, hiddenSize),
    intermediateSize,
    vocabSize,
    rmsNormEps: readPositive(config, 'rms_norm_eps') ?? DEFAULTS.rmsNormEps,
    ...readRope(config),
    maxPositions: readCount(config, 'max_position_embeddings') ?? DEFAULTS.maxPositions,
    eosTokenId: readInteger(config, 'eos_token_id') ?? DEFAULTS.eosTokenId,
  };
}

function readHeads(config: ConfigBlock, hiddenSize: number): number {
  const heads = readCount(config, 'num_attention_heads') ?? DEFAULTS.heads;
  if ((readCount(config, 'num_key_value_heads') ?? heads) !== heads) {
    unsupported(
      config,
      'num_key_value_heads',
      `grouped-query attention is not implemented (there are ${heads} attention heads)`,
    );
  }
  if (hiddenSize % (2 * heads) !== 0) {
    throw new UserError(
      `${keyName(config, 'num_attention_heads')} is ${heads}, but a hidden size of ${hiddenSize} cannot be split into ${heads} heads of even size.`,
    );
  }
  if ((readCount(config, 'head_dim') ?? hiddenSize / heads) !== hiddenSize / heads) {
    unsupported(config, 'head_dim', `only hidden_size / num_attention_heads, ${hiddenSize / heads}, is`);
  }
  return heads;
}

/** transformers 5 writes `rope_parameters`, older versions `rope_theta` and `rope_scaling`. */
function readRope(config: ConfigBlock): { ropeTheta: number; ropeScale: number } {
  const key = readBlock(config, 'rope_parameters') ? 'rope_parameters' : 'rope_scaling';
  const scaling = readBlock(config, key);
  const ropeTheta =
    (scaling && readPositive(scaling, 'rope_theta')) ?? readPositive(config, 'rope_theta') ?? DEFAULTS.ropeTheta;
  if (scaling === undefined) return { ropeTheta, ropeScale: 1 };
  const type = readText(scaling, 'rope_type') ?? readText(scaling, 'type');
  if (type === 'default') return { ropeTheta, ropeScale: 1 };
  const factor = readPositive(scaling, 'factor');
  if (type !== 'linear' || factor === undefined) unsupported(config, key, 'only the type "linear" with a factor is');
  return { ropeTheta, ropeScale: factor };
}
