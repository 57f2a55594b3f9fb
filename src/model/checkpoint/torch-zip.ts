import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { crc32 } from '../../shared/crc32.js';
import { messageOf, UserError } from '../../shared/errors.js';
import { type OpenFile, openFile } from './open-file.js';
import type { TensorInfo, TensorSource } from './tensor-source.js';
import type { PickledTensor } from './torch-globals.js';
import { readStateDict } from './torch-pickle.js';

// The pickle of a 13B checkpoint has 0.2 MB, 200 bytes per tensor. The limit bounds the memory needed to read it.
const MAX_PICKLE_BYTES = 2_000_000;
const CRC_STEP_BYTES = 64 << 20;
const MAX_ENTRIES = 100_000; // a state dict has a zip entry for each tensor

/**
 * Opens a torch file in zip format (`torch.save` since PyTorch 1.6): `<prefix>/data.pkl` describes the tensors,
 * `<prefix>/data/<key>` contain their bytes, uncompressed. Only the directory and the pickle are read; no code runs.
 * @throws UserError when the file is not such an archive, or a tensor exceeds its storage or is not contiguous
 */
export async function openTorchZip(path: string): Promise<TensorSource> {
  const file = await openFile(path);
  try {
    return await readArchive(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readArchive(file: OpenFile): Promise<TensorSource> {
  await checkMagic(file);
  const archive = await readDirectory(file);
  const byteOrder = archive.entries.get('byteorder');
  // Files written before PyTorch 2.1 have no such entry; in practice all of them are little-endian.
  if (byteOrder !== undefined) {
    const order = new TextDecoder().decode(await archive.read(byteOrder, 16));
    if (order !== 'little')
      throw new UserError(`${file.path} has ${order}-endian byte order; only little-endian is supported.`);
  }
  const pickle = archive.entries.get('data.pkl');
  if (pickle === undefined)
    throw new UserError(`${file.path} is not a torch file: it is a zip archive without data.pkl.`);
  const stateDict = readStateDict(await archive.read(pickle, MAX_PICKLE_BYTES), file.path);

  const tensors = new Map<string, TensorInfo>();
  const spans = new Map<string, { offset: number; length: number; entry: Entry; start: number }>();
  const verified = new Set<Entry>();
  const dataOffsets = new Map<string, number>(); // of storages, which tensors may share
  for (const [name, tensor] of stateDict) {
    const entry = archive.entries.get(`data/${tensor.storageKey}`);
    if (entry === undefined) {
      throw new UserError(
        `${file.path}: tensor ${name} is in storage ${tensor.storageKey}, which is missing from the archive.`,
      );
    }
    const length = checkTensor(name, tensor, entry, file.path);
    const start = dataOffsets.get(tensor.storageKey) ?? (await archive.dataOffset(entry));
    dataOffsets.set(tensor.storageKey, start);
    tensors.set(name, { name, dtype: tensor.dtype, shape: tensor.shape, file: file.path });
    spans.set(name, { offset: start + tensor.offset * tensor.itemSize, length, entry, start });
  }
  return {
    tensors,
    async read(name) {
      const span = spans.get(name);
      if (span === undefined) throw new UserError(`${file.path} has no tensor ${name}.`);
      const bytes = await file.read(span.offset, span.length);
      if (!verified.has(span.entry)) await checkStorage(file, span, bytes);
      verified.add(span.entry);
      return bytes;
    },
    close: () => file.close(),
  };
}

/** Compares a storage with its CRC-32. @param bytes those of the tensor that is read, which mostly are the whole storage */
async function checkStorage(
  file: OpenFile,
  { entry, start, length }: { entry: Entry; start: number; length: number },
  bytes: Uint8Array,
): Promise<void> {
  const size = entry.uncompressedSize;
  if (length === size) return checkCrc(file.path, entry, crc32(bytes));
  let crc = 0;
  for (let at = 0; at < size; at += CRC_STEP_BYTES) {
    crc = crc32(await file.read(start + at, Math.min(CRC_STEP_BYTES, size - at)), crc);
  }
  checkCrc(file.path, entry, crc);
}

/** @throws UserError when a member's bytes are not those that were saved */
function checkCrc(path: string, entry: Entry, crc: number): void {
  if (crc === entry.crc32) return;
  throw new UserError(
    `${path}: ${entry.fileName} is damaged (bad CRC-32). Download the file again, or save it again with PyTorch if that ` +
      'was told to leave out checksums (torch.serialization.set_crc32_options).',
  );
}

async function checkMagic(file: OpenFile): Promise<void> {
  const start = await file.read(0, Math.min(4, file.size));
  if (start[0] === 0x50 && start[1] === 0x4b) return; // PK
  if (start[0] === 0x80) {
    // PROTO, the first opcode of a pickle
    throw new UserError(
      `${file.path} is in the format used before PyTorch 1.6, which is not supported. Convert it: ` +
        `python -c "import torch, sys; f = sys.argv[1]; torch.save(torch.load(f, map_location='cpu', weights_only=True), f)" ${file.path}`,
    );
  }
  throw new UserError(`${file.path} is not a torch file. Download it again.`);
}

/** Checks that a tensor is contiguous and within its storage. @returns its size in bytes */
function checkTensor(name: string, tensor: PickledTensor, entry: Entry, path: string): number {
  const count = tensor.shape.reduce((product, side) => product * side, 1);
  const described = `${path}: tensor ${name}, shape [${tensor.shape.join(', ')}],`;
  if (!isContiguous(tensor)) {
    throw new UserError(
      `${described} has strides [${tensor.stride.join(', ')}]: only contiguous tensors are supported. Call .contiguous() on it in PyTorch and save the file again.`,
    );
  }
  const end = (tensor.offset + count) * tensor.itemSize;
  if (end > tensor.storageBytes || tensor.storageBytes > entry.uncompressedSize) {
    throw new UserError(
      `${described} ends at byte ${end} of storage ${tensor.storageKey}, which has ${entry.uncompressedSize} bytes (${tensor.storageBytes} according to the pickle).`,
    );
  }
  return count * tensor.itemSize;
}

function isContiguous({ shape, stride }: PickledTensor): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

interface Archive {
  /** By path inside the archive's only top-level folder, such as `data/12`. */
  entries: ReadonlyMap<string, Entry>;
  /** Reads a small uncompressed entry. */
  read(entry: Entry, limit: number): Promise<Uint8Array>;
  /** Offset of an uncompressed entry's bytes in the file. */
  dataOffset(entry: Entry): Promise<number>;
}

async function readDirectory(file: OpenFile): Promise<Archive> {
  const fail = (error: unknown): never => {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file.path} is a damaged or incompletely downloaded zip archive: ${messageOf(error)}`, {
      cause: error,
    });
  };
  const zip = await fromRandomAccessReaderPromise(new FileReader(file), file.size, { autoClose: false }).catch(fail);
  const entries = await listEntries(zip, file.path).catch(fail);
  const dataOffset = async (entry: Entry): Promise<number> => {
    if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
      throw new UserError(
        `${file.path}: ${entry.fileName} is compressed or encrypted, which torch.save never does. Unpack the archive and save it again with PyTorch.`,
      );
    }
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true }).catch(fail);
    return fileDataStart;
  };
  return {
    entries,
    dataOffset,
    async read(entry, limit) {
      if (entry.uncompressedSize > limit) {
        throw new UserError(
          `${file.path}: ${entry.fileName} has ${entry.uncompressedSize} bytes, more than the ${limit} allowed: not a state dict.`,
        );
      }
      const bytes = await file.read(await dataOffset(entry), entry.uncompressedSize);
      checkCrc(file.path, entry, crc32(bytes));
      return bytes;
    },
  };
}

async function listEntries(zip: ZipFile, path: string): Promise<Map<string, Entry>> {
  if (zip.entryCount > MAX_ENTRIES) {
    throw new UserError(
      `${path} has ${zip.entryCount} entries, more than the ${MAX_ENTRIES} allowed: not a state dict.`,
    );
  }
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName.slice(entry.fileName.indexOf('/') + 1);
    if (entries.has(name)) throw new UserError(`${path} contains ${entry.fileName} twice.`);
    entries.set(name, entry);
  }
  return entries;
}

/**
 * Gives yauzl access to the file. Its own reader throws inside a callback, where nothing can catch it, when a crafted
 * archive points beyond 2^53; this one reports an error.
 */
class FileReader extends RandomAccessReader {
  readonly #file: OpenFile;

  constructor(file: OpenFile) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.#file
      .read(position, length)
      .then((bytes) => {
        buffer.set(bytes, offset);
        callback(null, length);
      })
      .catch(callback); // including errors that yauzl throws while parsing these bytes
  }
}
