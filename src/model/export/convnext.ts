import type { ConvNextTower } from '../architecture.js';
import type { Graph, Value } from '../onnx/graph.js';
import { layerNorm, linearGelu, mapToRows, rowsToMap, scaledLinear } from './layers.js';

/** Input pixels per output cell at each stage: the stem divides by 4, each later stage by 2. */
const STAGE_STRIDES = [4, 8, 16, 32];

/** Side of the last stage's feature map for a square input; strided convolutions drop the remainder. */
export function convNextGrid(size: number): number {
  return STAGE_STRIDES.reduce((side, _, stage) => Math.floor(side / (stage === 0 ? 4 : 2)), size);
}

/**
 * ConvNeXt as in timm (convnext.py), without norm_pre and head: [n, 3, size, size] -> [n, dims[3], grid, grid].
 * LLaVA-HR uses only the last stage's feature map (multipath_encoder_wapper.py).
 */
export function convNext(g: Graph, tower: ConvNextTower, prefix: string, pixels: Value, size: number): Value {
  const { dims, depths, layerNormEps: eps } = tower;
  let side = Math.floor(size / 4);
  const stem = g.scope('stem');
  let map = stridedConv(stem, pixels, `${prefix}.stem.0`, 4);
  map = rowsToMap(stem, layerNorm(stem, mapToRows(stem, map, dims[0]!), `${prefix}.stem.1`, eps), side, dims[0]!);

  dims.forEach((dim, stage) => {
    const name = `${prefix}.stages.${stage}`;
    const s = g.scope(`stages.${stage}`);
    if (stage > 0) {
      const before = dims[stage - 1]!;
      const normed = layerNorm(s, mapToRows(s, map, before), `${name}.downsample.0`, eps);
      map = stridedConv(s, rowsToMap(s, normed, side, before), `${name}.downsample.1`, 2);
      side = Math.floor(side / 2);
    }
    for (let block = 0; block < depths[stage]!; block++) {
      map = convNextBlock(s.scope(`blocks.${block}`), `${name}.blocks.${block}`, map, side, dim, eps);
    }
  });
  return map;
}

function stridedConv(g: Graph, x: Value, name: string, stride: number): Value {
  return g.op('Conv', [x, g.weight(`${name}.weight`), g.weight(`${name}.bias`)], {
    kernel_shape: [stride, stride],
    strides: [stride, stride],
  });
}

/** Depthwise 7x7, LayerNorm, MLP, layer scale (named `weight` in official checkpoints), residual. */
function convNextBlock(g: Graph, name: string, map: Value, side: number, dim: number, eps: number): Value {
  const mixed = depthwiseConv7(g, map, `${name}.conv_dw`, dim);
  const normed = layerNorm(g, mapToRows(g, mixed, dim), `${name}.norm`, eps);
  const hidden = linearGelu(g, normed, `${name}.mlp.fc1`);
  const scaled = scaledLinear(g, hidden, `${name}.mlp.fc2`, g.weight(`${name}.weight`));
  return g.op('Add', [map, rowsToMap(g, scaled, side, dim)]);
}

/** 7x7 depthwise convolution with padding 3; [n, channels, side, side] in and out. */
export function depthwiseConv7(g: Graph, map: Value, name: string, channels: number): Value {
  return g.op('Conv', [map, g.weight(`${name}.weight`), g.weight(`${name}.bias`)], {
    kernel_shape: [7, 7],
    pads: [3, 3, 3, 3],
    group: channels,
  });
}
