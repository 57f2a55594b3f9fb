import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { buildGenerateGraph } from '../../../src/model/export/generate-graph.js';
import { buildVisionGraph } from '../../../src/model/export/vision-graph.js';
import { visionSizes } from '../../../src/model/export/vision-sizes.js';
import { planWeights } from '../../../src/model/export/weight-files.js';
import { ELEMENT_TYPE, type GraphProto, type NodeProto } from '../../../src/model/onnx/onnx-proto.js';
import { fixture } from '../../fixtures.js';
import { SMALL_HR, SMALL_NEXT } from '../small-architecture.js';

/** ONNX Runtime's table of CUDA kernels, as far as the graphs need it; see `source` in the file. */
const { operators } = JSON.parse(readFileSync(fixture('onnxruntime', 'cuda-kernels.json'), 'utf8')) as {
  operators: Record<string, { version: string; inputs: string[][] }>;
};

type Types = Map<string, string>;

const TABLE_NAMES: Record<string, string> = { float32: 'float' };
const TYPE_NAMES = new Map<number, string>(
  Object.entries(ELEMENT_TYPE).map(([name, id]) => [id, TABLE_NAMES[name] ?? name]),
);

/** Checks each node of a graph and of the bodies in it. @returns the types of the graph's outputs */
function checkGraph(graph: GraphProto, around: Types, problems: Set<string>): string[] {
  const types: Types = new Map(around);
  for (const { name, data_type } of graph.initializer) types.set(name, TYPE_NAMES.get(data_type)!);
  for (const { name, type } of graph.input) types.set(name, TYPE_NAMES.get(type.tensor_type.elem_type)!);
  for (const node of graph.node) {
    const inputs = node.input.map((name) => (name === '' ? '' : types.get(name)));
    const unknown = node.input.find((_, i) => inputs[i] === undefined);
    assert.equal(unknown, undefined, `${node.name}: ${unknown} has no known type`);
    // CastLike is a function of ONNX, which ONNX Runtime replaces by Cast.
    const operator = [node.domain, node.op_type === 'CastLike' ? 'Cast' : node.op_type].filter(Boolean).join('.');
    const kernel = operators[operator];
    inputs.forEach((type, i) => {
      const allowed = kernel?.inputs[Math.min(i, kernel.inputs.length - 1)];
      if (type !== '' && !allowed?.includes(type!)) problems.add(`${operator} for ${type} as input ${i}`);
    });
    const outputs = outputTypes(node, inputs as string[], types, problems);
    node.output.forEach((name, i) => {
      types.set(name, outputs[Math.min(i, outputs.length - 1)]!);
    });
  }
  return graph.output.map(({ name }) => types.get(name)!);
}

function outputTypes(node: NodeProto, inputs: string[], types: Types, problems: Set<string>): string[] {
  const attribute = (name: string) => node.attribute.find((one) => one.name === name);
  switch (node.op_type) {
    case 'Cast':
      return [TYPE_NAMES.get(attribute('to')!.i!)!];
    case 'CastLike':
    case 'Where':
      return [inputs[1]!];
    case 'Shape':
    case 'ArgMax':
      return ['int64'];
    case 'ConstantOfShape':
      return ['float'];
    case 'Equal':
    case 'Greater':
    case 'Less':
    case 'LessOrEqual':
      return ['bool'];
    case 'Loop':
      return checkGraph(attribute('body')!.g!, types, problems).slice(1);
    default:
      return [inputs[0]!];
  }
}

for (const architecture of [SMALL_HR, SMALL_NEXT]) {
  for (const precision of ['fp32', 'fp16'] as const) {
    test(`every node of ${architecture.family}'s CUDA graphs has a CUDA kernel for its types in ${precision}`, () => {
      const { locations } = planWeights(architecture, precision, 'int8');
      const generate = { portable: false, prefix: 'computed', logits: false } as const;
      const table = new Float32Array((64 + 1) * architecture.clip.hiddenSize);
      const sizes = visionSizes(architecture, architecture.inputImageSize);
      const graphs = [
        buildGenerateGraph(architecture.language, locations, precision, generate),
        buildVisionGraph(architecture, sizes, locations, table, precision, { portable: false }),
      ];
      const problems = new Set<string>();
      for (const graph of graphs) checkGraph(graph, new Map(), problems);
      assert.deepEqual([...problems], []);
    });
  }
}

test('the check notices an operator without a kernel, and a type that its kernel does not take', () => {
  const { locations } = planWeights(SMALL_HR, 'int8', 'int8');
  const graph = buildGenerateGraph(SMALL_HR.language, locations, 'int8', {
    ...{ portable: false, prefix: 'computed', logits: false },
  });
  const problems = new Set<string>();
  checkGraph(graph, new Map(), problems);
  assert.ok([...problems].some((problem) => problem.startsWith('com.microsoft.MatMulIntegerToFloat for uint8')));
});
