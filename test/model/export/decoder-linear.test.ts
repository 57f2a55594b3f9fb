import assert from 'node:assert/strict';
import test from 'node:test';
import { decoderLinear } from '../../../src/model/export/decoder-linear.js';
import { encodeTensor, storedTensors } from '../../../src/model/export/stored-tensors.js';
import { sessionOptions } from '../../../src/model/inference/session-options.js';
import { createGraph } from '../../../src/model/onnx/graph.js';
import { ELEMENT_TYPE, encodeModel } from '../../../src/model/onnx/onnx-proto.js';
import { InferenceSession, Tensor } from '../../../src/model/onnxruntime.js';
import { INT8_STORAGE_TYPES, type Int8StorageType } from '../../../src/model/precision.js';

const NAME = 'model.layers.0.mlp.up_proj.weight';

/** Runs the graph of one decoder linear layer on x [1, rows, inputs]. */
async function runLinear(
  weights: number[][],
  x: number[][],
  precision: 'int8' | 'int4',
  int8Storage: Int8StorageType = 'int8',
): Promise<number[][]> {
  const shape = [weights.length, weights[0]!.length];
  const bytes = new Uint8Array(Float32Array.from(weights.flat()).buffer);
  const stored = storedTensors(NAME, shape, precision, int8Storage);
  const encoded = encodeTensor(NAME, shape, bytes, 'F32', precision, int8Storage);
  const locations = stored.map(
    ({ name, ...of }, i) => [name, { file: '', offset: 0, length: encoded[i]!.length, ...of }] as const,
  );
  const g = createGraph('test', new Map(locations), false);
  const [outputs, width] = [shape[0]!, shape[1]!];
  const input = g.input('x', 'float32', ['rows', 'new', width]);
  g.output('y', decoderLinear(g, input, NAME, { width, outputs, precision }), 'float32', ['rows', 'new', shape[0]!]);
  const proto = g.toProto();
  proto.initializer = proto.initializer.map((tensor) => {
    const i = stored.findIndex(({ name }) => name === tensor.name);
    if (i < 0) return tensor;
    const { name, shape: dims, type } = stored[i]!;
    return { name, dims, data_type: ELEMENT_TYPE[type], raw_data: encoded[i]! };
  });
  const session = await InferenceSession.create(
    encodeModel(proto, 'test'),
    await sessionOptions({ provider: 'cpu', index: 0 }, 1),
  );
  const { y } = await session.run({ x: new Tensor('float32', x.flat(), [1, x.length, shape[1]!]) });
  await session.release();
  const values = [...(y!.data as Float32Array)];
  return x.map((_, row) => values.slice(row * weights.length, (row + 1) * weights.length));
}

/** The int8 product in double precision: every row of both operands quantised with its own scale. */
function int8Reference(weights: number[][], x: number[][]): number[][] {
  const quantise = (row: number[]): { quantised: number[]; scale: number } => {
    const scale = Math.max(...row.map(Math.abs)) / 127;
    return { quantised: row.map((value) => (scale === 0 ? 0 : roundHalfEven(value / scale))), scale };
  };
  const quantisedWeights = weights.map(quantise);
  return x
    .map(quantise)
    .map(({ quantised, scale }) =>
      quantisedWeights.map((w) => quantised.reduce((sum, q, i) => sum + q * w.quantised[i]!, 0) * w.scale * scale),
    );
}

/** The int4 product in double precision: both operands quantised in blocks of 32, weights to 4 bits, activations to 8. */
function int4Reference(weights: number[][], x: number[][]): number[][] {
  const block = 32;
  const rounded = (row: number[], divisor: (block: number[]) => number, largest: number): number[] =>
    Array.from({ length: Math.ceil(row.length / block) }, (_, b) => row.slice(b * block, (b + 1) * block)).flatMap(
      (part) => {
        const scale = divisor(part);
        return part.map((value) => (scale === 0 ? 0 : Math.min(largest, roundHalfEven(value / scale)) * scale));
      },
    );
  const extreme = (part: number[]): number => part.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
  const w = weights.map((row) => rounded(row, (part) => extreme(part) / -8, 7));
  const a = x.map((row) => rounded(row, (part) => Math.abs(extreme(part)) / 127, 127));
  return a.map((row) => w.map((output) => row.reduce((sum, value, i) => sum + value * output[i]!, 0)));
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function random(rows: number, columns: number, seed: number): number[][] {
  let state = seed;
  const next = (): number => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x3fffffff - 1;
  };
  return Array.from({ length: rows }, () => Array.from({ length: columns }, next));
}

function assertClose(actual: number[][], expected: number[][], relative: number): void {
  for (const [r, row] of expected.entries()) {
    const largest = Math.max(...row.map(Math.abs), 1e-20);
    for (const [c, value] of row.entries()) {
      const error = Math.abs(actual[r]![c]! - value) / largest;
      assert.ok(error <= relative, `row ${r}, column ${c}: expected ${value}, got ${actual[r]![c]}`);
    }
  }
}

for (const int8Storage of INT8_STORAGE_TYPES) {
  for (const rows of [1, 2, 7, 40]) {
    test(`${int8Storage} weights: ${rows} rows of random values match the reference product`, async () => {
      const weights = random(24, 72, 3);
      weights[5]!.fill(0);
      const x = random(rows, 72, 11);
      x[0]![3] = 900; // an outlier must only cost the precision of its own row
      if (rows > 2) x[2]!.fill(0);
      assertClose(await runLinear(weights, x, 'int8', int8Storage), int8Reference(weights, x), 1e-5);
    });
  }

  test(`${int8Storage} weights: the largest products do not saturate`, async () => {
    const signs = [1, -1];
    const weights = signs.map((sign) => new Array<number>(256).fill(sign));
    const x = signs.map((sign) => new Array<number>(256).fill(3 * sign));
    const expected = signs.map((a) => signs.map((b) => 768 * a * b));
    assertClose(await runLinear(weights, x, 'int8', int8Storage), expected, 1e-5);
  });
}

test('int8 and uint8 weights give bit-identical products', async () => {
  const [weights, x] = [random(24, 72, 3), random(7, 72, 11)];
  assert.deepEqual(await runLinear(weights, x, 'int8', 'uint8'), await runLinear(weights, x, 'int8', 'int8'));
});

for (const rows of [1, 2, 40]) {
  test(`int4: ${rows} rows of random values match the reference product`, async () => {
    const weights = random(24, 72, 5); // the third block has 8 elements
    weights[5]!.fill(0);
    const x = random(rows, 72, 13);
    assertClose(await runLinear(weights, x, 'int4'), int4Reference(weights, x), 1e-3);
  });
}
