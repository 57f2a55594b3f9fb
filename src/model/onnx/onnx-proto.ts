import protobuf from 'protobufjs';

/**
 * The part of ONNX's protobuf schema that the exporter writes. Field numbers are from onnx/onnx.proto (ONNX 1.17).
 * Names are kept in snake case, as in that file.
 */
const SCHEMA = `
syntax = "proto2";
message StringStringEntryProto { optional string key = 1; optional string value = 2; }
message TensorProto {
  repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8; optional bytes raw_data = 9;
  repeated StringStringEntryProto external_data = 13; optional int32 data_location = 14;
}
message AttributeProto {
  optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4; optional GraphProto g = 6;
  repeated float floats = 7; repeated int64 ints = 8; optional int32 type = 20;
}
message NodeProto {
  repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
  repeated AttributeProto attribute = 5; optional string domain = 7;
}
message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorTypeProto { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
message TypeProto { optional TensorTypeProto tensor_type = 1; }
message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
message GraphProto {
  repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
}
message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
message ModelProto {
  optional int64 ir_version = 1; optional string producer_name = 2; optional string producer_version = 3;
  optional GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8;
}`;

const modelProto = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('ModelProto');

/** TensorProto.DataType values of the element types that the graphs use. */
export const ELEMENT_TYPE = { float32: 1, uint8: 2, int8: 3, int64: 7, bool: 9, float16: 10 } as const;
export type ElementType = keyof typeof ELEMENT_TYPE;

/** AttributeProto.AttributeType values of the attribute types that the graphs use. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, graph: 5, floats: 6, ints: 7 } as const;

export interface TensorProto {
  name: string;
  dims: readonly number[];
  data_type: number;
  raw_data?: Uint8Array;
  external_data?: { key: string; value: string }[];
  data_location?: number;
}

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  g?: GraphProto;
  floats?: readonly number[];
  ints?: readonly number[];
}

export interface NodeProto {
  name: string;
  op_type: string;
  domain: string;
  input: readonly string[];
  output: readonly string[];
  attribute: AttributeProto[];
}

export interface ValueInfoProto {
  name: string;
  type: { tensor_type: { elem_type: number; shape: { dim: ({ dim_value: number } | { dim_param: string })[] } } };
}

export interface GraphProto {
  name: string;
  node: NodeProto[];
  initializer: TensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
}

/** Serialises a graph as an ONNX model: IR 10, opset 20 and ONNX Runtime's contrib operators. */
export function encodeModel(graph: GraphProto, producerVersion: string): Uint8Array {
  return modelProto
    .encode({
      ir_version: 10,
      producer_name: 'llavahr',
      producer_version: producerVersion,
      graph,
      opset_import: [
        { domain: '', version: 20 },
        { domain: 'com.microsoft', version: 1 },
      ],
    })
    .finish();
}
