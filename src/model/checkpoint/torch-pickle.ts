import { UserError } from '../../shared/errors.js';
import { type Fail, GLOBALS, isKind, type PickledTensor, toStorage, type Value } from './torch-globals.js';

/** The opcodes torch.save (pickle protocol 2) writes for a state dict. Source: CPython Lib/pickle.py */
const OP = {
  MARK: 0x28, // (
  EMPTY_TUPLE: 0x29, // )
  STOP: 0x2e, // .
  BININT: 0x4a, // J
  BININT1: 0x4b, // K
  BININT2: 0x4d, // M
  NONE: 0x4e, // N
  BINPERSID: 0x51, // Q
  REDUCE: 0x52, // R
  BINUNICODE: 0x58, // X
  BUILD: 0x62, // b
  GLOBAL: 0x63, // c
  BINGET: 0x68, // h
  LONG_BINGET: 0x6a, // j
  BINPUT: 0x71, // q
  LONG_BINPUT: 0x72, // r
  SETITEM: 0x73, // s
  TUPLE: 0x74, // t
  SETITEMS: 0x75, // u
  EMPTY_DICT: 0x7d, // }
  PROTO: 0x80,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  LONG1: 0x8a,
} as const;

/** Names of rejected opcodes, for the message. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [0x30, 'POP'],
  [0x32, 'DUP'],
  [0x46, 'FLOAT'],
  [0x47, 'BINFLOAT'],
  [0x49, 'INT'],
  [0x50, 'PERSID'],
  [0x53, 'STRING'],
  [0x54, 'BINSTRING'],
  [0x55, 'SHORT_BINSTRING'],
  [0x56, 'UNICODE'],
  [0x5d, 'EMPTY_LIST'],
  [0x61, 'APPEND'],
  [0x64, 'DICT'],
  [0x65, 'APPENDS'],
  [0x69, 'INST'],
  [0x6c, 'LIST'],
  [0x6f, 'OBJ'],
  [0x81, 'NEWOBJ'],
  [0x82, 'EXT1'],
  [0x83, 'EXT2'],
  [0x84, 'EXT4'],
  [0x8b, 'LONG4'],
  [0x8c, 'SHORT_BINUNICODE'],
  [0x8f, 'EMPTY_SET'],
  [0x92, 'NEWOBJ_EX'],
  [0x93, 'STACK_GLOBAL'],
  [0x94, 'MEMOIZE'],
  [0x95, 'FRAME'],
]);

/**
 * Reads the pickled state dict of a torch file (`data.pkl`): a dict of tensors.
 * It can only produce tensors, dicts, tuples, numbers and strings; no code runs, whatever the file contains.
 * Memory is bounded by a multiple of the length of `bytes`, which the caller limits; nesting costs no call stack.
 * @param path of the file, for error messages
 * @throws UserError naming the first global or opcode that a state dict does not need
 */
export function readStateDict(bytes: Uint8Array, path: string): Map<string, PickledTensor> {
  const fail: Fail = (problem) => {
    throw new UserError(
      `${path}: ${problem}. Only plain state dicts of tensors are supported; convert the checkpoint to safetensors if you trust it.`,
    );
  };
  const dict = unpickle(bytes, fail);
  if (!(dict instanceof Map)) return fail('the pickle does not contain a dict');
  const tensors = new Map<string, PickledTensor>();
  for (const [name, value] of dict) {
    if (typeof name === 'string' && isKind(value, 'tensor')) tensors.set(name, value);
  }
  if (tensors.size === 0) fail('the dict contains no tensors (is it a training checkpoint rather than a state dict?)');
  return tensors;
}

/** Runs the stack machine of a pickle and returns its result. */
function unpickle(bytes: Uint8Array, fail: Fail): Value {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: Value[] = [];
  const marks: number[] = []; // stack heights at each MARK
  const memo = new Map<number, Value>();
  let cursor = 0;

  /** Consumes `length` bytes and returns their position. */
  const take = (length: number): number => {
    const at = cursor;
    if (at + length > bytes.length) fail(`the pickle ends in the middle of an opcode (byte ${bytes.length})`);
    cursor += length;
    return at;
  };
  const floor = () => marks.at(-1) ?? 0;
  const pop = (): Value =>
    stack.length > floor() ? stack.pop()! : fail(`the pickle's stack is empty at byte ${cursor}`);
  const top = (): Value =>
    stack.length > floor() ? stack.at(-1)! : fail(`the pickle's stack is empty at byte ${cursor}`);
  const popToMark = (): Value[] =>
    stack.splice(marks.pop() ?? fail(`the pickle has no mark to return to at byte ${cursor}`));
  const popTuple = (length: number): Value[] => Array.from({ length }, pop).reverse();
  const setItems = (items: Value[]): void => {
    const dict = top();
    if (!(dict instanceof Map) || items.length % 2 !== 0)
      fail(`the pickle sets items on something other than a dict at byte ${cursor}`);
    else for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!);
  };
  const remember = (index: number) => memo.set(index, top());
  const recall = (index: number): Value => {
    const value = memo.get(index);
    return value === undefined ? fail(`the pickle reads an unset memo entry at byte ${cursor}`) : value;
  };
  const line = (): string => {
    const end = bytes.indexOf(0x0a, cursor);
    if (end < 0) fail(`the pickle ends in the middle of an opcode (byte ${bytes.length})`);
    const text = decodeText(bytes.subarray(cursor, end), fail);
    cursor = end + 1;
    return text;
  };

  for (;;) {
    const at = take(1);
    const opcode = bytes[at]!;
    switch (opcode) {
      case OP.PROTO:
        take(1);
        break;
      case OP.STOP:
        return pop();
      case OP.MARK:
        marks.push(stack.length);
        break;
      case OP.NONE:
        stack.push(null);
        break;
      case OP.NEWTRUE:
        stack.push(true);
        break;
      case OP.NEWFALSE:
        stack.push(false);
        break;
      case OP.BININT:
        stack.push(view.getInt32(take(4), true));
        break;
      case OP.BININT1:
        stack.push(view.getUint8(take(1)));
        break;
      case OP.BININT2:
        stack.push(view.getUint16(take(2), true));
        break;
      case OP.LONG1: {
        const length = view.getUint8(take(1));
        const start = take(length);
        stack.push(decodeLong(bytes.subarray(start, start + length), fail));
        break;
      }
      case OP.BINUNICODE: {
        const length = view.getUint32(take(4), true);
        const start = take(length);
        stack.push(decodeText(bytes.subarray(start, start + length), fail));
        break;
      }
      case OP.EMPTY_TUPLE:
        stack.push([]);
        break;
      case OP.TUPLE1:
        stack.push(popTuple(1));
        break;
      case OP.TUPLE2:
        stack.push(popTuple(2));
        break;
      case OP.TUPLE3:
        stack.push(popTuple(3));
        break;
      case OP.TUPLE:
        stack.push(popToMark());
        break;
      case OP.EMPTY_DICT:
        stack.push(new Map());
        break;
      case OP.SETITEM:
        setItems(popTuple(2));
        break;
      case OP.SETITEMS:
        setItems(popToMark());
        break;
      case OP.BINPUT:
        remember(view.getUint8(take(1)));
        break;
      case OP.LONG_BINPUT:
        remember(view.getUint32(take(4), true));
        break;
      case OP.BINGET:
        stack.push(recall(view.getUint8(take(1))));
        break;
      case OP.LONG_BINGET:
        stack.push(recall(view.getUint32(take(4), true)));
        break;
      case OP.GLOBAL: {
        const name = `${line()}.${line()}`;
        stack.push(
          GLOBALS.get(name) ??
            fail(`the pickle uses the global ${JSON.stringify(name.slice(0, 100))}, which is not allowed`),
        );
        break;
      }
      case OP.REDUCE: {
        const args = pop();
        const callable = pop();
        if (!isKind(callable, 'function') || !Array.isArray(args)) {
          return fail(`the pickle calls something that is not a function at byte ${at}`);
        }
        stack.push(callable.rebuild(args, fail));
        break;
      }
      case OP.BINPERSID:
        stack.push(toStorage(pop(), fail));
        break;
      case OP.BUILD:
        // An OrderedDict's attributes, such as the `_metadata` of Module.state_dict(), are not needed.
        pop();
        if (!(top() instanceof Map)) fail(`the pickle sets attributes on something other than a dict at byte ${at}`);
        break;
      default:
        fail(
          `the pickle uses the ${REFUSED.get(opcode) ?? 'unknown'} opcode (0x${hex(opcode)}) at byte ${at}, which is not allowed`,
        );
    }
  }
}

/** Little-endian two's complement of any length. */
function decodeLong(bytes: Uint8Array, fail: Fail): number {
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * i);
  const number = Number(BigInt.asIntN(8 * bytes.length, value));
  return Number.isSafeInteger(number) ? number : fail('the pickle contains an integer of more than 53 bits');
}

function decodeText(bytes: Uint8Array, fail: Fail): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return fail('the pickle contains a string that is not UTF-8');
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
