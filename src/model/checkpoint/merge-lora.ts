import { UserError } from '../../shared/errors.js';
import { toFloat32Values } from '../export/convert-elements.js';
import type { Weights } from './open-weights.js';
import type { TensorInfo } from './tensor-source.js';

/** A LoRA adapter: two factors for every weight that it changes, weight + scale(rank) * B A. */
export interface LoraAdapter {
  weights: Weights;
  /** Scale of the product of two factors of this rank. */
  scale(rank: number): number;
  /** For messages: the adapter's folder and its base's. */
  folder: string;
  baseFolder: string;
}

/** Tensors of an adapter: `base_model.model.<module>.lora_A.weight`, in older files with the adapter's name after lora_A. */
const FACTOR = /^(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.\w+)?\.weight$/;
/** Tensors that an adapter replaces as a whole (`modules_to_save`). */
const REPLACED = /^base_model\.model\.(.+?)(?:\.modules_to_save(?:\.\w+)?)?\.(weight|bias)$/;

/** A changed weight: the names of its factors in the adapter. */
interface Factors {
  A?: string;
  B?: string;
}

/**
 * The weights of a base model with an adapter merged into them, as PEFT's `merge_and_unload()` does in float32: changed
 * weights are read as F32 and rounded only by the export.
 * @param adapter factors and whole tensors; @param replaced further whole tensors by their names in the base, with the best last
 * @throws UserError when the adapter does not fit the base
 */
export function mergeLora(base: Weights, adapter: LoraAdapter, replaced: readonly Weights[]): Weights {
  const factors = new Map<string, Factors>();
  const tensors = new Map<string, TensorInfo>(base.tensors);
  const places = new Map<string, { weights: Weights; stored: string }>();
  for (const stored of base.tensors.keys()) places.set(stored, { weights: base, stored });
  const replace = (name: string, weights: Weights, stored: string): void => {
    tensors.set(name, { ...weights.tensors.get(stored)!, name });
    places.set(name, { weights, stored });
  };
  for (const weights of replaced) for (const name of weights.tensors.keys()) replace(name, weights, name);
  for (const stored of adapter.weights.tensors.keys()) {
    const factor = FACTOR.exec(stored);
    const whole = factor ? null : REPLACED.exec(stored);
    if (factor) {
      const name = `${factor[1]}.weight`;
      factors.set(name, { ...factors.get(name), [factor[2]!]: stored });
    } else if (whole && !stored.includes('.lora_')) {
      replace(`${whole[1]}.${whole[2]}`, adapter.weights, stored);
    } else {
      throw new UserError(
        `${adapter.folder}: the adapter's tensor ${stored} is not supported (DoRA and LoRA of embeddings are not). ` +
          'Merge the adapter with PEFT (model.merge_and_unload()) and give the merged checkpoint.',
      );
    }
  }
  for (const [name, { A, B }] of factors) {
    const info = tensors.get(name);
    if (info === undefined) {
      throw new UserError(
        `${adapter.folder}: the adapter changes ${name}, which ${adapter.baseFolder} does not contain: it is not the base ` +
          'model that the adapter was trained on.',
      );
    }
    if (A === undefined || B === undefined) {
      throw new UserError(
        `${adapter.folder}: the adapter has only ${A ?? B} for ${name}: one of two factors is missing.`,
      );
    }
    checkFactors(name, info, adapter, A, B);
    tensors.set(name, { ...info, dtype: 'F32' });
  }
  return {
    tensors,
    files: [...base.files, ...replaced.flatMap(({ files }) => files), ...adapter.weights.files],
    async read(name) {
      const place = places.get(name);
      if (place === undefined) throw new UserError(`${adapter.baseFolder} has no tensor ${name}.`);
      const bytes = await place.weights.read(place.stored);
      const { A, B } = factors.get(name) ?? {};
      if (A === undefined || B === undefined) return bytes;
      const { dtype } = place.weights.tensors.get(place.stored)!;
      const [outputs, inputs] = tensors.get(name)!.shape as [number, number];
      const [rank] = adapter.weights.tensors.get(A)!.shape as [number];
      const floats = async (factor: string): Promise<Float32Array> =>
        toFloat32Values(await adapter.weights.read(factor), adapter.weights.tensors.get(factor)!.dtype);
      const weight = toFloat32Values(bytes, dtype);
      return addProduct(weight, await floats(B), await floats(A), {
        outputs,
        inputs,
        rank,
        scale: adapter.scale(rank),
      });
    },
    async close() {
      await Promise.all([base, adapter.weights, ...replaced].map((weights) => weights.close()));
    },
  };
}

function checkFactors(name: string, info: TensorInfo, { weights }: LoraAdapter, A: string, B: string): void {
  const [a, b] = [weights.tensors.get(A)!, weights.tensors.get(B)!];
  const [outputs, inputs] = info.shape;
  const [rank] = a.shape;
  for (const factor of [a, b, info]) {
    if (factor.problem !== undefined) throw new UserError(factor.problem);
    if (factor.dtype === 'other') throw new UserError(`${factor.file}: tensor ${factor.name} is not F32, F16 or BF16.`);
  }
  if (info.shape.length !== 2 || `${a.shape}` !== `${[rank, inputs]}` || `${b.shape}` !== `${[outputs, rank]}`) {
    throw new UserError(
      `${a.file}: the factors of ${name} have shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}], which do not fit ` +
        `[${info.shape.join(', ')}] of the base model: it is not the one that the adapter was trained on.`,
    );
  }
}

interface ProductShape {
  outputs: number;
  inputs: number;
  rank: number;
  scale: number;
}

/** weight + scale * (B A), in float32. @returns bytes of [outputs, inputs] */
async function addProduct(
  weight: Float32Array,
  B: Float32Array,
  A: Float32Array,
  { outputs, inputs, rank, scale }: ProductShape,
): Promise<Uint8Array> {
  // Imported here because they load ONNX Runtime, which other checkpoints do not need to be read.
  const [{ createGraph }, { encodeModel }, { InferenceSession, Tensor }] = await Promise.all([
    import('../onnx/graph.js'),
    import('../onnx/onnx-proto.js'),
    import('../onnxruntime.js'),
  ]);
  const g = createGraph('merge-lora', new Map(), false);
  const [w, b, a] = [
    g.input('weight', 'float32', [outputs, inputs]),
    g.input('B', 'float32', [outputs, rank]),
    g.input('A', 'float32', [rank, inputs]),
  ];
  const delta = g.op('Mul', [g.op('MatMul', [b, a]), g.floats([scale], [])]);
  g.output('merged', g.op('Add', [w, delta]), 'float32', [outputs, inputs]);
  const session = await InferenceSession.create(encodeModel(g.toProto(), 'merge-lora'));
  const { merged } = await session.run({
    weight: new Tensor('float32', weight, [outputs, inputs]),
    B: new Tensor('float32', B, [outputs, rank]),
    A: new Tensor('float32', A, [rank, inputs]),
  });
  await session.release();
  const values = merged!.data as Float32Array;
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
