import { messageOf, UserError } from '../../shared/errors.js';
import { parseJson } from '../../shared/parse-json.js';
import { isJsonObject } from './json-object.js';
import { type OpenFile, openFile } from './open-file.js';
import type { CheckpointDtype, TensorInfo, TensorSource } from './tensor-source.js';

// Layout of the file: u64 little-endian length of the header, JSON header, tensor data. Source: huggingface/safetensors
// README.
const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 100_000_000; // the limit of the reference implementation

/** Our element type and bytes per element of each dtype. */
const DTYPES: Readonly<Record<string, { dtype: CheckpointDtype; itemSize: number }>> = {
  F32: { dtype: 'F32', itemSize: 4 },
  F16: { dtype: 'F16', itemSize: 2 },
  BF16: { dtype: 'BF16', itemSize: 2 },
  F64: { dtype: 'other', itemSize: 8 },
  F8_E4M3: { dtype: 'other', itemSize: 1 },
  F8_E5M2: { dtype: 'other', itemSize: 1 },
  I64: { dtype: 'other', itemSize: 8 },
  I32: { dtype: 'other', itemSize: 4 },
  I16: { dtype: 'other', itemSize: 2 },
  I8: { dtype: 'other', itemSize: 1 },
  U64: { dtype: 'other', itemSize: 8 },
  U32: { dtype: 'other', itemSize: 4 },
  U16: { dtype: 'other', itemSize: 2 },
  U8: { dtype: 'other', itemSize: 1 },
  BOOL: { dtype: 'other', itemSize: 1 },
};

type Fail = (problem: string) => never;

function headerText(bytes: Uint8Array, fail: Fail): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return fail('the header is not UTF-8');
  }
}

/** Byte range of a tensor, relative to the end of the header. */
interface Span {
  name: string;
  begin: number;
  end: number; // exclusive
}

/**
 * Opens one safetensors file; only its header is read.
 * @throws UserError when the header contradicts itself or the file
 */
export async function openSafetensors(path: string): Promise<TensorSource> {
  const file = await openFile(path);
  try {
    return await readHeader(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: OpenFile): Promise<TensorSource> {
  const fail: Fail = (problem) => {
    throw new UserError(
      `${file.path}: ${problem}. The file is damaged or is not a safetensors file: download it again.`,
    );
  };
  if (file.size < LENGTH_BYTES) fail(`the file has only ${file.size} bytes`);
  const lengthBytes = await file.read(0, LENGTH_BYTES);
  const headerLength = new DataView(lengthBytes.buffer, lengthBytes.byteOffset).getBigUint64(0, true);
  if (headerLength > BigInt(MAX_HEADER_BYTES)) {
    fail(`the header length is ${headerLength} bytes, more than the ${MAX_HEADER_BYTES} allowed`);
  }
  const dataStart = LENGTH_BYTES + Number(headerLength);
  if (dataStart > file.size) fail(`the header length is ${headerLength} bytes, but the file has ${file.size}`);

  const text = headerText(await file.read(LENGTH_BYTES, Number(headerLength)), fail);
  let header: unknown;
  try {
    header = parseJson(text);
  } catch (error) {
    fail(`the header is not JSON (${messageOf(error)})`);
  }
  if (!isJsonObject(header)) return fail('the header is not a JSON object');

  const tensors = new Map<string, TensorInfo>();
  const spans = new Map<string, Span>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { info, span } = readEntry(name, entry, file.path, fail);
    tensors.set(name, info);
    spans.set(name, span);
  }
  // JSON.parse keeps only the last of two equal keys, so count them. Quotation marks in strings would be escaped.
  if ((text.match(/[{,\s]"data_offsets"\s*:\s*\[/g)?.length ?? 0) !== tensors.size)
    fail('the header lists a tensor twice');
  checkSpans([...spans.values()], file.size - dataStart, fail);

  return {
    tensors,
    async read(name) {
      const span = spans.get(name);
      if (span === undefined) throw new UserError(`${file.path} has no tensor ${name}.`);
      return file.read(dataStart + span.begin, span.end - span.begin);
    },
    close: () => file.close(),
  };
}

function readEntry(name: string, entry: unknown, path: string, fail: Fail): { info: TensorInfo; span: Span } {
  if (!isJsonObject(entry)) return fail(`tensor ${name} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const type = typeof dtype === 'string' && Object.hasOwn(DTYPES, dtype) ? DTYPES[dtype] : undefined;
  if (typeof dtype !== 'string') return fail(`tensor ${name} has the invalid dtype ${JSON.stringify(dtype)}`);
  if (!isSizes(shape)) return fail(`tensor ${name} has the invalid shape ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail(`tensor ${name} has the invalid data_offsets ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  // A dtype newer than this program must not keep a model from being read that does not need the tensor.
  const size = type === undefined ? end - begin : shape.reduce((product, side) => product * side, type.itemSize);
  if (end - begin !== size || size < 0) {
    fail(
      `tensor ${name}, ${dtype} [${shape.join(', ')}], needs ${size} bytes, but its data_offsets span ${end - begin}`,
    );
  }
  const info: TensorInfo = { name, dtype: type?.dtype ?? 'other', shape, file: path };
  if (info.dtype === 'other') info.storedDtype = dtype;
  return { info, span: { name, begin, end } };
}

/** The tensors must fill the data without overlap and without gaps, as the format requires. */
function checkSpans(spans: Span[], dataSize: number, fail: Fail): void {
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let filled = 0;
  for (const { name, begin, end } of spans) {
    if (end > dataSize) fail(`tensor ${name} ends at byte ${end} of the data, but there are only ${dataSize}`);
    if (begin < filled) fail(`tensor ${name} overlaps the tensor before it (byte ${begin} of the data)`);
    if (begin > filled) fail(`no tensor covers bytes ${filled} to ${begin} of the data`);
    filled = end;
  }
  if (filled !== dataSize) fail(`no tensor covers bytes ${filled} to ${dataSize} of the data`);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && side >= 0);
}
