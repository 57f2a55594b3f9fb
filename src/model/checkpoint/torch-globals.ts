import type { CheckpointDtype } from './tensor-source.js';

/** A tensor as a pickled state dict describes it: a strided view of a storage. */
export interface PickledTensor {
  kind: 'tensor';
  dtype: CheckpointDtype;
  /** Bytes per element. */
  itemSize: number;
  /** PyTorch's name of the element type, where `dtype` is `other`. */
  storedDtype?: string;
  /** Name of the storage's file in the archive. */
  storageKey: string;
  /** Size of the storage in bytes, according to the pickle. */
  storageBytes: number;
  /** In elements, like shape and stride. */
  offset: number;
  shape: number[];
  stride: number[];
}

interface Storage {
  kind: 'storage';
  key: string;
  bytes: number;
  /** Null for an untyped storage; the tensor then has its own dtype. */
  dtype: Dtype | null;
}

interface Dtype {
  kind: 'dtype';
  dtype: CheckpointDtype;
  itemSize: number;
  /** PyTorch's name, where `dtype` is `other`. */
  storedDtype?: string;
}

/** What a global stands for. Names are only compared with these; nothing is ever looked up or run by name. */
type Global =
  | Dtype
  | { kind: 'storage type'; dtype: Dtype | null }
  | { kind: 'function'; rebuild: (args: Value[], fail: Fail) => Value };

/** Everything a pickle of a state dict can build. A tuple is an array. */
export type Value = null | boolean | number | string | Value[] | Map<Value, Value> | Global | Storage | PickledTensor;

/** Throws a UserError about the file. */
export type Fail = (problem: string) => never;

const DTYPES: Readonly<Record<string, Dtype>> = {
  float32: { kind: 'dtype', dtype: 'F32', itemSize: 4 },
  float16: { kind: 'dtype', dtype: 'F16', itemSize: 2 },
  bfloat16: { kind: 'dtype', dtype: 'BF16', itemSize: 2 },
  float64: { kind: 'dtype', dtype: 'other', itemSize: 8, storedDtype: 'float64' },
  float8_e4m3fn: { kind: 'dtype', dtype: 'other', itemSize: 1, storedDtype: 'float8_e4m3fn' },
  float8_e5m2: { kind: 'dtype', dtype: 'other', itemSize: 1, storedDtype: 'float8_e5m2' },
  int64: { kind: 'dtype', dtype: 'other', itemSize: 8, storedDtype: 'int64' },
  int32: { kind: 'dtype', dtype: 'other', itemSize: 4, storedDtype: 'int32' },
  int16: { kind: 'dtype', dtype: 'other', itemSize: 2, storedDtype: 'int16' },
  int8: { kind: 'dtype', dtype: 'other', itemSize: 1, storedDtype: 'int8' },
  uint64: { kind: 'dtype', dtype: 'other', itemSize: 8, storedDtype: 'uint64' },
  uint32: { kind: 'dtype', dtype: 'other', itemSize: 4, storedDtype: 'uint32' },
  uint16: { kind: 'dtype', dtype: 'other', itemSize: 2, storedDtype: 'uint16' },
  uint8: { kind: 'dtype', dtype: 'other', itemSize: 1, storedDtype: 'uint8' },
  bool: { kind: 'dtype', dtype: 'other', itemSize: 1, storedDtype: 'bool' },
};

const MAX_RANK = 8; // checking one long tuple shared by thousands of tensors would take hours

/** Dtype names of the typed storages of `torch`. */
const STORAGES: Readonly<Record<string, string>> = {
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  DoubleStorage: 'float64',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};

/** The only globals a state dict needs. Source: torch/_utils.py, torch/serialization.py */
export const GLOBALS: ReadonlyMap<string, Global> = new Map<string, Global>([
  ['collections.OrderedDict', { kind: 'function', rebuild: rebuildOrderedDict }],
  ['torch._utils._rebuild_tensor_v2', { kind: 'function', rebuild: rebuildTensor }],
  ['torch._utils._rebuild_tensor_v3', { kind: 'function', rebuild: rebuildTensor }],
  ['torch._utils._rebuild_parameter', { kind: 'function', rebuild: rebuildParameter }],
  ['torch.storage.UntypedStorage', { kind: 'storage type', dtype: null }],
  ...Object.entries(STORAGES).map(([name, dtype]): [string, Global] => [
    `torch.${name}`,
    { kind: 'storage type', dtype: DTYPES[dtype]! },
  ]),
  ...Object.entries(DTYPES).map(([name, dtype]): [string, Global] => [`torch.${name}`, dtype]),
]);

function rebuildOrderedDict(args: Value[], fail: Fail): Value {
  return args.length === 0 ? new Map() : fail('an OrderedDict has arguments');
}

/**
 * v2: (storage, offset, shape, stride, requires_grad, hooks[, metadata]);
 * v3: (storage, offset, shape, stride, requires_grad, hooks, dtype[, metadata]) of an untyped storage.
 */
function rebuildTensor(args: Value[], fail: Fail): Value {
  const [storage, offset, shape, stride, , , dtypeOfV3] = args;
  if (!isKind(storage, 'storage')) return fail('a tensor has no storage');
  const type = storage.dtype ?? (isKind(dtypeOfV3, 'dtype') ? dtypeOfV3 : fail('a tensor has no dtype'));
  if (!isSize(offset) || !isSizes(shape) || !isSizes(stride) || shape.length !== stride.length) {
    return fail('a tensor has an invalid offset, shape or stride');
  }
  return {
    kind: 'tensor',
    dtype: type.dtype,
    itemSize: type.itemSize,
    ...(type.storedDtype !== undefined && { storedDtype: type.storedDtype }),
    storageKey: storage.key,
    storageBytes: storage.bytes,
    offset,
    shape,
    stride,
  };
}

/** (tensor, requires_grad, hooks) */
function rebuildParameter(args: Value[], fail: Fail): Value {
  return isKind(args[0], 'tensor') ? args[0] : fail('a parameter has no tensor');
}

/** ("storage", storage type, key, device, number of elements; of bytes for an untyped storage) */
export function toStorage(id: Value, fail: Fail): Storage {
  const [tag, type, key, , count] = Array.isArray(id) ? id : [];
  if (tag !== 'storage' || !isKind(type, 'storage type') || typeof key !== 'string' || !isSize(count)) {
    return fail('a persistent id is not a storage');
  }
  return { kind: 'storage', key, dtype: type.dtype, bytes: count * (type.dtype?.itemSize ?? 1) };
}

export function isKind<K extends string>(value: Value | undefined, kind: K): value is Extract<Value, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_RANK && value.every(isSize);
}
