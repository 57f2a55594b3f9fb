import { UserError } from '../../shared/errors.js';
import type { ClipTower, ConvNextTower } from '../architecture.js';
import { CONVNEXT_TOWERS } from '../released-architectures.js';
import { type ConfigBlock, keyName, readBlock, readCount, readCounts, readPositive, readText } from './config-file.js';
import { lastPart } from './find-named-folder.js';
import { checkAgainstWeights, countIndices, type NamedTensors, shapeOf, unsupported } from './named-tensors.js';
import { CONVNEXT_PREFIX } from './required-tensors.js';

type ClipFacts = Pick<ClipTower, 'heads' | 'layerNormEps' | 'activation' | 'imageSize'>;

/** What tensors cannot tell, from the configs of OpenAI's checkpoints, by the last part of `mm_vision_tower`. */
const CLIP_TOWERS: Readonly<Record<string, ClipFacts>> = {
  'clip-vit-large-patch14': { heads: 16, layerNormEps: 1e-5, activation: 'quick_gelu', imageSize: 224 },
  'clip-vit-large-patch14-336': { heads: 16, layerNormEps: 1e-5, activation: 'quick_gelu', imageSize: 336 },
};

/**
 * Reads a CLIP vision tower: sizes from the tensors, the rest from its config, or from the table of known towers.
 * @param vision the tower's own config (vision_config), if there is one
 * @param config config.json of the checkpoint, which names the tower
 */
export function readClipTower(
  tensors: NamedTensors,
  prefix: string,
  vision: ConfigBlock | null,
  config: ConfigBlock,
): Omit<ClipTower, 'usedLayers'> {
  const patchName = `${prefix}.embeddings.patch_embedding.weight`;
  const positionName = `${prefix}.embeddings.position_embedding.weight`;
  const mlpName = `${prefix}.encoder.layers.0.mlp.fc1.weight`;
  const [hiddenSize, , , patchSize] = shapeOf(tensors, patchName, 4) as [number, number, number, number];
  const [positions] = shapeOf(tensors, positionName, 2) as [number, number];
  const [intermediateSize] = shapeOf(tensors, mlpName, 2) as [number, number];
  const layers = countIndices(tensors, `${prefix}.encoder.layers`);

  const towerKey = 'mm_vision_tower';
  let facts: ClipFacts;
  if (vision !== null) {
    checkAgainstWeights(vision, 'hidden_size', readCount(vision, 'hidden_size'), hiddenSize, patchName);
    checkAgainstWeights(vision, 'patch_size', readCount(vision, 'patch_size'), patchSize, patchName);
    checkAgainstWeights(vision, 'intermediate_size', readCount(vision, 'intermediate_size'), intermediateSize, mlpName);
    const configuredLayers = readCount(vision, 'num_hidden_layers');
    checkAgainstWeights(
      vision,
      'num_hidden_layers',
      configuredLayers,
      layers,
      `the number of ${prefix}.encoder.layers`,
    );
    facts = readClipFacts(vision, Math.sqrt(positions - 1) * patchSize);
  } else {
    const name = readText(config, towerKey) ?? '';
    const known = CLIP_TOWERS[lastPart(name)];
    if (known === undefined) {
      throw new UserError(
        `${keyName(config, towerKey)} is ${JSON.stringify(name)}, an unknown vision tower (known: ${Object.keys(CLIP_TOWERS).join(', ')}). ` +
          `Add a "vision_config" block to ${config.file} with num_attention_heads, image_size, layer_norm_eps and hidden_act.`,
      );
    }
    facts = known;
  }
  const rows = Math.floor(facts.imageSize / patchSize) ** 2 + 1;
  const [imageBlock, imageKey] = vision === null ? [config, towerKey] : [vision, 'image_size'];
  if (rows !== positions) {
    throw new UserError(
      `${keyName(imageBlock, imageKey)}: an image size of ${facts.imageSize} px with ${patchSize} px patches needs ${rows} positions, but ${positionName} in the weights has ${positions}.`,
    );
  }
  if (hiddenSize % facts.heads !== 0) {
    throw new UserError(
      `${keyName(imageBlock, vision === null ? towerKey : 'num_attention_heads')}: a hidden size of ${hiddenSize} is not divisible by ${facts.heads} heads.`,
    );
  }
  return { layers, hiddenSize, intermediateSize, patchSize, ...facts };
}

/** Missing keys get the defaults of transformers' CLIPVisionConfig, which saves only values that differ from them. */
function readClipFacts(vision: ConfigBlock, imageSizeOfWeights: number): ClipFacts {
  const modelType = readText(vision, 'model_type') ?? 'clip_vision_model';
  if (modelType !== 'clip_vision_model') unsupported(vision, 'model_type', 'only CLIP vision towers are');
  const activation = readText(vision, 'hidden_act') ?? 'quick_gelu';
  if (activation !== 'quick_gelu' && activation !== 'gelu') {
    return unsupported(vision, 'hidden_act', 'only quick_gelu and gelu are');
  }
  return {
    heads: readCount(vision, 'num_attention_heads') ?? 12,
    layerNormEps: readPositive(vision, 'layer_norm_eps') ?? 1e-5,
    activation,
    imageSize: readCount(vision, 'image_size') ?? imageSizeOfWeights,
  };
}

/**
 * Reads the ConvNeXt of LLaVA-HR's slow pathway: sizes from the tensors, the norms' epsilon from `slow_vision_config`
 * or from the table of known towers by the name in `vision_tower_slow`.
 */
export function readConvNextTower(tensors: NamedTensors, config: ConfigBlock): ConvNextTower {
  const stages = countIndices(tensors, `${CONVNEXT_PREFIX}.stages`);
  if (stages !== 4) throw new UserError(`${tensors.folder}: ${CONVNEXT_PREFIX} has ${stages} stages, expected 4.`);
  const dims: number[] = [];
  const depths: number[] = [];
  for (let stage = 0; stage < stages; stage++) {
    const blocks = `${CONVNEXT_PREFIX}.stages.${stage}.blocks`;
    dims.push(shapeOf(tensors, `${blocks}.0.conv_dw.weight`, 4)[0]!);
    depths.push(countIndices(tensors, blocks));
  }
  const block = readBlock(config, 'slow_vision_config');
  if (block !== undefined) {
    checkAgainstWeights(block, 'dims', readCounts(block, 'dims'), dims, `${CONVNEXT_PREFIX}.stages`);
    checkAgainstWeights(block, 'depths', readCounts(block, 'depths'), depths, `${CONVNEXT_PREFIX}.stages`);
    if ((readText(block, 'hidden_act') ?? 'gelu') !== 'gelu') unsupported(block, 'hidden_act', 'only gelu is');
    const layerNormEps = readPositive(block, 'norm_eps') ?? readPositive(block, 'layer_norm_eps');
    if (layerNormEps !== undefined) return { depths, dims, layerNormEps };
  }
  const name = readText(config, 'vision_tower_slow') ?? '';
  const known = Object.entries(CONVNEXT_TOWERS).find(([beginning]) => name.startsWith(beginning))?.[1];
  if (known === undefined) {
    throw new UserError(
      `${keyName(config, 'vision_tower_slow')} is ${JSON.stringify(name)}, an unknown tower (known: ${Object.keys(CONVNEXT_TOWERS).join(', ')}). ` +
        `Add a "slow_vision_config" block to ${config.file} with norm_eps, the epsilon of its layer norms.`,
    );
  }
  if (block === undefined) {
    const { dims: knownDims, depths: knownDepths } = known;
    const where = `${keyName(config, 'vision_tower_slow')} is ${JSON.stringify(name)}`;
    if (`${dims}` !== `${knownDims}` || `${depths}` !== `${knownDepths}`) {
      throw new UserError(
        `${where}, with dims ${knownDims} and depths ${knownDepths}, but ${CONVNEXT_PREFIX} in the weights has dims ${dims} and depths ${depths}.`,
      );
    }
  }
  return { depths, dims, layerNormEps: known.layerNormEps };
}
