import { crc32 } from '../../../src/shared/crc32.js';

/** Pieces of a pickle (protocol 2). */
export const op = {
  proto: bytes(0x80, 2),
  stop: text('.'),
  mark: text('('),
  tuple: text('t'),
  emptyTuple: text(')'),
  emptyDict: text('}'),
  setItems: text('u'),
  reduce: text('R'),
  persistentId: text('Q'),
  false: bytes(0x89),
  global: (module: string, name: string) => text(`c${module}\n${name}\n`),
  put: (index: number) => bytes(0x71, index),
  get: (index: number) => bytes(0x68, index),
  int(value: number): Buffer {
    const code = Buffer.alloc(5);
    code.write('J');
    code.writeInt32LE(value, 1);
    return code;
  },
  long: (...littleEndian: number[]) => bytes(0x8a, littleEndian.length, ...littleEndian),
  string(value: string): Buffer {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(value));
    return Buffer.concat([text('X'), length, text(value)]);
  },
  tupleOf: (...items: Buffer[]) => Buffer.concat([op.mark, ...items, op.tuple]),
};

export interface PickleTensor {
  name: string;
  shape: number[];
  stride: number[];
  offset?: number;
  storage?: string; // class name in torch
  key?: string;
  count: number; // elements of the storage
}

/** What torch.save writes for one tensor. */
export function tensorOps(tensor: PickleTensor): Buffer {
  const { shape, stride, offset = 0, storage = 'FloatStorage', key = '0', count } = tensor;
  const id = op.tupleOf(
    op.string('storage'),
    op.global('torch', storage),
    op.string(key),
    op.string('cpu'),
    op.int(count),
  );
  const hooks = Buffer.concat([op.global('collections', 'OrderedDict'), op.emptyTuple, op.reduce]);
  const args = op.tupleOf(
    Buffer.concat([id, op.persistentId]),
    op.int(offset),
    op.tupleOf(...shape.map(op.int)),
    op.tupleOf(...stride.map(op.int)),
    op.false,
    hooks,
  );
  return Buffer.concat([op.global('torch._utils', '_rebuild_tensor_v2'), args, op.reduce]);
}

/** A whole pickle: a dict of the given values. */
export function dictPickle(items: readonly (readonly [name: string, value: Buffer])[]): Buffer {
  const pairs = items.flatMap(([name, value]) => [op.string(name), value]);
  return Buffer.concat([op.proto, op.emptyDict, op.mark, ...pairs, op.setItems, op.stop]);
}

export function stateDictPickle(tensors: readonly PickleTensor[]): Buffer {
  return dictPickle(tensors.map((tensor) => [tensor.name, tensorOps(tensor)]));
}

export interface ZipEntry {
  name: string;
  data: Uint8Array;
  method?: number; // 0 stored
}

/** A zip archive whose entries are stored verbatim, regardless of the declared compression method. */
export function encodeZip(entries: readonly ZipEntry[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, data, method = 0 } of entries) {
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(method, 8);
    header.writeUInt32LE(crc32(data), 14);
    header.writeUInt32LE(data.length, 18);
    header.writeUInt32LE(data.length, 22);
    header.writeUInt16LE(name.length, 26);
    local.push(header, text(name), Buffer.from(data));
    const record = Buffer.alloc(46);
    record.writeUInt32LE(0x02014b50, 0);
    record.writeUInt16LE(method, 10);
    record.writeUInt32LE(crc32(data), 16);
    record.writeUInt32LE(data.length, 20);
    record.writeUInt32LE(data.length, 24);
    record.writeUInt16LE(name.length, 28);
    record.writeUInt32LE(offset, 42);
    central.push(record, text(name));
    offset += header.length + name.length + data.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}

/** A torch file: the pickle and the storages by key. */
export function encodeTorch(pickle: Buffer, storages: Record<string, Uint8Array>, more: ZipEntry[] = []): Buffer {
  return encodeZip([
    { name: 'archive/data.pkl', data: pickle },
    { name: 'archive/byteorder', data: text('little') },
    ...Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data })),
    ...more,
  ]);
}

function bytes(...values: number[]): Buffer {
  return Buffer.from(values);
}

function text(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}
