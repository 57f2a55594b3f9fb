import type { Graph, Value } from '../onnx/graph.js';
import { depthwiseConv7 } from './convnext.js';
import { gelu, linear, linearGelu, mapToRows, reshape, rowsToMap } from './layers.js';

/** Sizes shared by all adapters of a graph. Grids are side lengths in cells. */
export interface AdapterSizes {
  fastGrid: number;
  slowGrid: number;
  fastChannels: number;
  slowChannels: number;
}

/**
 * MR-Adapter (paper section 3.3; official `S2FStitchAlignModuleV2`): adds gated high-resolution features to the
 * low-resolution pathway. Each image has one gate in (-1, 1), computed from the token means of both features.
 * @param fast [n * fastGrid^2, fastChannels]
 * @param slow [n, slowChannels, slowGrid, slowGrid]
 * @returns [n * fastGrid^2, fastChannels]
 */
export function stageAdapter(g: Graph, name: string, fast: Value, slow: Value, sizes: AdapterSizes): Value {
  const { fastGrid, slowGrid, fastChannels, slowChannels } = sizes;
  // 1x1 convolutions on [rows, channels] are linear layers.
  const slowRows = linearGelu(g, mapToRows(g, slow, slowChannels), `${name}.slow_conv`);
  const slowMap = rowsToMap(g, linear(g, slowRows, `${name}.slow_proj`), slowGrid, fastChannels);
  const slowTokens = mapToRows(g, matchGrid(g, slowMap, slowGrid, fastGrid), fastChannels);

  const local = depthwiseConv7(g, rowsToMap(g, fast, fastGrid, fastChannels), `${name}.fast_conv`, fastChannels);
  const projected = linear(g, gelu(g, mapToRows(g, local, fastChannels)), `${name}.fast_proj`);
  const fastTokens = g.op('Add', [fast, projected]);

  const tokens = fastGrid * fastGrid;
  const perImage = (rows: Value): Value => reshape(g, rows, [-1, tokens, fastChannels]);
  const mean = (rows: Value): Value => g.op('ReduceMean', [perImage(rows), g.ints([1])], { keepdims: 0 });
  const pooled = g.op('Concat', [mean(fastTokens), mean(slowTokens)], { axis: -1 });
  const gate = g.op('Tanh', [linear(g, linearGelu(g, pooled, `${name}.gate.0`), `${name}.gate.2`)]);
  const gated = g.op('Mul', [perImage(slowTokens), reshape(g, gate, [-1, 1, 1])]);
  return g.op('Add', [fastTokens, reshape(g, gated, [-1, fastChannels])]);
}

/**
 * Alignment after the last stage (official `AlignModule`): fast_proj(fast) + slow_proj(resized slow map).
 * Shapes as in stageAdapter.
 */
export function finalAdapter(g: Graph, name: string, fast: Value, slow: Value, sizes: AdapterSizes): Value {
  const { fastGrid, slowGrid, slowChannels } = sizes;
  const slowTokens = mapToRows(g, matchGrid(g, slow, slowGrid, fastGrid), slowChannels);
  return g.op('Add', [linear(g, fast, `${name}.fast_proj`), linear(g, slowTokens, `${name}.slow_proj`)]);
}

/**
 * Resizes the slow map to the fast grid: bilinear, align_corners. The official code average-pools when the slow grid is
 * larger, which cannot happen: both grids are floor(size / 32) unless the native size makes the fast grid larger.
 */
function matchGrid(g: Graph, map: Value, from: number, to: number): Value {
  return from === to ? map : bilinearAlignCorners(g, map, to);
}

/** torch.nn.functional.interpolate(mode="bilinear", align_corners=True) of [n, c, h, w] to [n, c, side, side]. */
export function bilinearAlignCorners(g: Graph, map: Value, side: number): Value {
  const batchAndChannels = g.op('Shape', [map], { start: 0, end: 2 });
  const sizes = g.op('Concat', [batchAndChannels, g.ints([side, side])], { axis: 0 });
  return g.op('Resize', [map, '', '', sizes], {
    mode: 'linear',
    coordinate_transformation_mode: 'align_corners',
  });
}
