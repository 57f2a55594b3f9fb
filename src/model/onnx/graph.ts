import {
  ATTRIBUTE_TYPE,
  type AttributeProto,
  ELEMENT_TYPE,
  type ElementType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx-proto.js';

/** The name of a value in a graph. An empty string leaves an optional input out. */
export type Value = string;

/** A dimension: a size, or the name of a symbolic one. */
export type Dim = number | string;

/** An integer is written as an int attribute; floats are wrapped so that 1.0 stays a float. */
export type Attribute = number | readonly number[] | string | { float: number } | { graph: GraphProto };

/** Where a tensor's bytes are stored: a range of a file next to the graph. */
export interface WeightLocation {
  file: string;
  /** Bytes from the start of the file. */
  offset: number;
  /** Bytes. */
  length: number;
  shape: readonly number[];
  type: 'float32' | 'float16' | 'int8' | 'uint8';
}

export type WeightLocations = ReadonlyMap<string, WeightLocation>;

/** An ONNX graph being built. Nodes are named by path, so that a profile reads like the model. */
export interface Graph {
  /**
   * Use only operators that every device computes correctly; see docs/decisions/0010-portable-graphs-for-webgpu.md.
   * Otherwise fused operators are used where they are faster.
   */
  readonly portable: boolean;
  /** A view of the same graph whose node names begin with `name/`. */
  scope(name: string): Graph;
  /** Adds a node with one output and returns that output. Operators of `com.microsoft` are recognised by name. */
  op(type: string, inputs: readonly Value[], attributes?: Record<string, Attribute>): Value;
  /** Adds a node with `count` outputs and returns them. */
  ops(type: string, inputs: readonly Value[], attributes: Record<string, Attribute>, count: number): Value[];
  /** A tensor in the external weight file, by its name in the checkpoint; stored once even if bodies use it too. */
  weight(name: string): Value;
  /** Whether the weight file has a tensor of this name. */
  hasWeight(name: string): boolean;
  weightShape(name: string): readonly number[];
  weightType(name: string): WeightLocation['type'];
  /** Constants stored in the graph itself. */
  floats(values: Float32Array | readonly number[], shape?: readonly number[]): Value;
  ints(values: readonly number[], shape?: readonly number[]): Value;
  uint8s(values: readonly number[], shape?: readonly number[]): Value;
  input(name: string, type: ElementType, shape: readonly Dim[]): Value;
  /** Declares `value` as an output called `name`. */
  output(name: string, value: Value, type: ElementType, shape: readonly Dim[]): void;
  /** The value for `key`: one already made in this graph or an enclosing one, otherwise made now. */
  once(key: string, make: () => Value): Value;
  /** A graph for the body of a control-flow node; it can use this graph's values by name. */
  body(name: string): Graph;
  toProto(): GraphProto;
}

/** Operators of ONNX Runtime that are not in the ONNX standard. */
const MICROSOFT_OPERATORS = new Set([
  'BiasGelu',
  'DynamicQuantizeMatMul', // used in bench/ for comparison
  'FusedMatMul',
  'MatMulIntegerToFloat',
  'MatMulNBits',
  'MultiHeadAttention',
  'QuickGelu',
  'RotaryEmbedding',
  'SkipSimplifiedLayerNormalization',
]);

/** Starts a graph. `weights` gives the locations of the tensors that `Graph.weight` names. */
export function createGraph(name: string, weights: WeightLocations, portable: boolean): Graph {
  return openGraph(name, { weights, portable, nextName: 0 }, () => undefined);
}

/** What a graph shares with the bodies inside it. */
interface Shared {
  weights: WeightLocations;
  portable: boolean;
  nextName: number;
}

/** @param around finds the value of a key in the enclosing graphs */
function openGraph(graphName: string, shared: Shared, around: (key: string) => Value | undefined): Graph {
  const made = new Map<string, Value>();
  const find = (key: string): Value | undefined => made.get(key) ?? around(key);
  const nodes: NodeProto[] = [];
  const initializers = new Map<string, TensorProto>();
  const inputs: ValueInfoProto[] = [];
  const outputs: ValueInfoProto[] = [];

  const constant = (type: ElementType, bytes: Uint8Array, shape: readonly number[]): Value => {
    const name = `${graphName}/constant_${shared.nextName++}`;
    initializers.set(name, { name, dims: shape, data_type: ELEMENT_TYPE[type], raw_data: bytes });
    return name;
  };

  const locationOf = (name: string): WeightLocation => {
    const location = shared.weights.get(name);
    if (!location) throw new Error(`no weight is planned for ${name}`);
    return location;
  };

  const view = (path: string): Graph => ({
    portable: shared.portable,
    scope: (name) => view(`${path}${name}/`),
    op(type, nodeInputs, attributes = {}) {
      return this.ops(type, nodeInputs, attributes, 1)[0]!;
    },
    ops(type, nodeInputs, attributes, count) {
      const name = `${path}${type}_${shared.nextName++}`;
      const output = Array.from({ length: count }, (_, i) => (count === 1 ? name : `${name}:${i}`));
      nodes.push({
        name,
        op_type: type,
        domain: MICROSOFT_OPERATORS.has(type) ? 'com.microsoft' : '',
        input: nodeInputs,
        output,
        attribute: Object.entries(attributes).map(toAttribute),
      });
      return output;
    },
    weight(name) {
      return this.once(`weight ${name}`, () => {
        initializers.set(name, toExternalTensor(name, locationOf(name)));
        return name;
      });
    },
    hasWeight: (name) => shared.weights.has(name),
    weightShape: (name) => locationOf(name).shape,
    weightType: (name) => locationOf(name).type,
    floats: (values, shape) => {
      const data = Float32Array.from(values);
      return constant('float32', new Uint8Array(data.buffer), shape ?? [data.length]);
    },
    ints: (values, shape) => {
      const data = BigInt64Array.from(values, BigInt);
      return constant('int64', new Uint8Array(data.buffer), shape ?? [data.length]);
    },
    uint8s: (values, shape) => constant('uint8', Uint8Array.from(values), shape ?? [values.length]),
    input(name, type, shape) {
      inputs.push(toValueInfo(name, type, shape));
      return name;
    },
    output(name, value, type, shape) {
      nodes.push({
        name: `output/${name}`,
        op_type: 'Identity',
        domain: '',
        input: [value],
        output: [name],
        attribute: [],
      });
      outputs.push(toValueInfo(name, type, shape));
    },
    once(key, make) {
      const known = find(key);
      if (known !== undefined) return known;
      const value = make();
      made.set(key, value);
      return value;
    },
    body: (name) => openGraph(name, shared, find),
    toProto: () => ({
      name: graphName,
      node: nodes,
      initializer: [...initializers.values()],
      input: inputs,
      output: outputs,
    }),
  });
  return view(`${graphName}/`);
}

function toAttribute([name, value]: [string, Attribute]): AttributeProto {
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw new Error(`attribute ${name}: wrap the float ${value} as { float }`);
    return { name, type: ATTRIBUTE_TYPE.int, i: value };
  }
  if (typeof value === 'string') return { name, type: ATTRIBUTE_TYPE.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: ATTRIBUTE_TYPE.float, f: value.float };
  if ('graph' in value) return { name, type: ATTRIBUTE_TYPE.graph, g: value.graph };
  return { name, type: ATTRIBUTE_TYPE.ints, ints: value };
}

function toExternalTensor(name: string, at: WeightLocation): TensorProto {
  return {
    name,
    dims: at.shape,
    data_type: ELEMENT_TYPE[at.type],
    data_location: 1,
    external_data: [
      { key: 'location', value: at.file },
      { key: 'offset', value: String(at.offset) },
      { key: 'length', value: String(at.length) },
    ],
  };
}

function toValueInfo(name: string, type: ElementType, shape: readonly Dim[]): ValueInfoProto {
  const dim = shape.map((d) => (typeof d === 'number' ? { dim_value: d } : { dim_param: d }));
  return { name, type: { tensor_type: { elem_type: ELEMENT_TYPE[type], shape: { dim } } } };
}
