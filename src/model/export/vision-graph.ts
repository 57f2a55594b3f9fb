import type { Architecture } from '../architecture.js';
import { CONVNEXT_PREFIX, clipPrefix, NEWLINE_NAME } from '../checkpoint/required-tensors.js';
import { CLIP_MEAN, CLIP_STD } from '../clip-pixels.js';
import { createGraph, type Graph, type Value, type WeightLocations } from '../onnx/graph.js';
import type { GraphProto } from '../onnx/onnx-proto.js';
import type { Precision } from '../precision.js';
import { clipEmbeddings, clipLayer } from './clip.js';
import { convNext, convNextGrid } from './convnext.js';
import { cast, layerNorm, linear, linearGelu, reshape, toFloat32, toPrecision } from './layers.js';
import { type AdapterSizes, bilinearAlignCorners, finalAdapter, stageAdapter } from './mr-adapter.js';
import { resamplePositions } from './position-embeddings.js';
import type { VisionSizes } from './vision-sizes.js';

/**
 * Builds the vision graph for one resolution: from square images to the projector's visual tokens.
 *
 *     pixels         uint8 [n, size, size, 3]
 *       -> normalise -> ConvNeXt --(MR-Adapters)--> CLIP at its own resolution -> projector
 *     visual_tokens  float32 [n, tokens, hidden]
 *
 * Where images are cut into tiles, n counts these, and the learned end of a row of tokens follows as the last token:
 *
 *     visual_tokens  float32 [n * tokens + 1, hidden]
 *
 * @param positionTable the checkpoint's position embeddings, float32 [(imageSize / patchSize)^2 + 1, hidden]
 */
export function buildVisionGraph(
  architecture: Architecture,
  sizes: VisionSizes,
  weights: WeightLocations,
  positionTable: Float32Array,
  precision: Precision,
  options: { portable: boolean },
): GraphProto {
  const g = createGraph('vision', weights, options.portable);
  const pixels = normalisePixels(g, sizes.resolution);
  const tower = architecture.family === 'llava-hr' ? multiPathTower : clipTower;
  const features = tower(g, architecture, sizes, pixels, positionTable, precision);
  const projected = projector(g.scope('projector'), architecture, features);
  const { hiddenSize } = architecture.language;
  if (architecture.tiling === undefined) {
    const tokens = reshape(g, toFloat32(g, projected, precision), [-1, sizes.squareTokens, hiddenSize]);
    g.output('visual_tokens', tokens, 'float32', ['images', sizes.squareTokens, hiddenSize]);
  } else {
    const newline = reshape(g, g.weight(NEWLINE_NAME), [1, hiddenSize]);
    const tokens = toFloat32(g, g.op('Concat', [projected, newline], { axis: 0 }), precision);
    g.output('visual_tokens', tokens, 'float32', ['tokens', hiddenSize]);
  }
  return g.toProto();
}

/** Normalises uint8 pixels like CLIP's image processor: [n, size, size, 3] -> float32 [n, 3, size, size]. */
function normalisePixels(g: Graph, size: number): Value {
  const pixels = g.input('pixels', 'uint8', ['images', size, size, 3]);
  const p = g.scope('normalize');
  const planes = cast(p, p.op('Transpose', [pixels], { perm: [0, 3, 1, 2] }), 'float32');
  const scale = CLIP_STD.map((std) => 1 / (255 * std));
  const shift = CLIP_MEAN.map((mean, c) => -mean / CLIP_STD[c]!);
  return p.op('Add', [p.op('Mul', [planes, p.floats(scale, [3, 1, 1])]), p.floats(shift, [3, 1, 1])]);
}

/** The tower of LLaVA-1.5 and LLaVA-NeXT: output of layer `usedLayers` without final norm; the class token is dropped afterwards. */
function clipTower(
  g: Graph,
  { clip }: Architecture,
  sizes: VisionSizes,
  pixels: Value,
  positionTable: Float32Array,
  precision: Precision,
): Value {
  const prefix = clipPrefix('llava-1.5');
  const c = g.scope('clip');
  const tokens = sizes.squareTokens + 1;
  const patchRows = resamplePositions(
    positionTable.subarray(clip.hiddenSize),
    nativeGrid(clip),
    sizes.fastGrid,
    clip.hiddenSize,
  );
  const rows = new Float32Array(tokens * clip.hiddenSize);
  rows.set(positionTable.subarray(0, clip.hiddenSize));
  rows.set(patchRows, clip.hiddenSize);
  let x = clipEmbeddings(c, clip, prefix, toPrecision(c, pixels, precision), { rows, count: tokens }, true, precision);
  x = layerNorm(c, x, `${prefix}.pre_layrnorm`, clip.layerNormEps);
  for (let layer = 0; layer < clip.usedLayers; layer++) {
    x = clipLayer(c.scope(`layers.${layer}`), clip, `${prefix}.encoder.layers.${layer}`, x, tokens);
  }
  const perImage = reshape(c, x, [-1, tokens, clip.hiddenSize]);
  const patches = c.op('Slice', [perImage, c.ints([1]), c.ints([tokens]), c.ints([1])]);
  return reshape(c, patches, [-1, clip.hiddenSize]);
}

/**
 * LLaVA-HR's tower (official multipath_encoder_wapper.py): the ConvNeXt runs first; an MR-Adapter that reads its last
 * feature map follows each of the first three quarters of the CLIP layers; the final alignment adds both pathways.
 */
function multiPathTower(
  g: Graph,
  { clip, convnext, stageAdapters }: Architecture,
  sizes: VisionSizes,
  pixels: Value,
  positionTable: Float32Array,
  precision: Precision,
): Value {
  if (!convnext) throw new Error('a LLaVA-HR architecture has a ConvNeXt tower');
  const prefix = clipPrefix('llava-hr');
  const slow = convNext(
    g.scope('convnext'),
    convnext,
    CONVNEXT_PREFIX,
    toPrecision(g, pixels, precision),
    sizes.resolution,
  );
  const adapterSizes: AdapterSizes = {
    fastGrid: sizes.fastGrid,
    slowGrid: convNextGrid(sizes.resolution),
    fastChannels: clip.hiddenSize,
    slowChannels: convnext.dims.at(-1)!,
  };

  const c = g.scope('clip');
  const small = toPrecision(c, bilinearAlignCorners(c, pixels, sizes.fastSize), precision);
  const rows = resamplePositions(
    positionTable.subarray(clip.hiddenSize),
    nativeGrid(clip),
    sizes.fastGrid,
    clip.hiddenSize,
  );
  let x = clipEmbeddings(c, clip, prefix, small, { rows, count: sizes.squareTokens }, false, precision);
  x = layerNorm(c, x, `${prefix}.pre_layrnorm`, clip.layerNormEps);
  const quarter = clip.layers / 4;
  for (let layer = 0; layer < clip.layers; layer++) {
    x = clipLayer(c.scope(`layers.${layer}`), clip, `${prefix}.encoder.layers.${layer}`, x, sizes.squareTokens);
    const stage = (layer + 1) / quarter - 1;
    if (stageAdapters && Number.isInteger(stage) && stage < 3) {
      x = stageAdapter(
        g.scope(`adapters.${stage}`),
        `model.vision_tower.align_stages_latent.${stage}`,
        x,
        slow,
        adapterSizes,
      );
    }
  }
  return finalAdapter(g.scope('align'), 'model.vision_tower.align_stages.0', x, slow, adapterSizes);
}

/** Linear layers with GELU in between, numbered 0, 2, 4, ... as in torch.nn.Sequential. */
function projector(g: Graph, { projector: { layers } }: Architecture, features: Value): Value {
  let x = features;
  for (let layer = 0; layer < layers - 1; layer++) x = linearGelu(g, x, `model.mm_projector.${2 * layer}`);
  return linear(g, x, `model.mm_projector.${2 * (layers - 1)}`);
}

function nativeGrid(clip: { imageSize: number; patchSize: number }): number {
  return clip.imageSize / clip.patchSize;
}
