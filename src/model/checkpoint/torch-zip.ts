import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { crc32 } from '../../shared/crc32.js';
import { messageOf, UserError } from '../../shared/errors.js';
import { type OpenFile, openFile } from './open-file.js';
import { elementCount, gatherElements, isContiguous, spannedElements } from './strided-view.js';
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
 * Tensors that cannot be read have a `problem`.
 * @throws UserError when the file is not such an archive
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
  const places = new Map<string, { storage: Storage; tensor: PickledTensor }>();
  const verified = new Set<Storage>();
  const storages = new Map<string, Storage>(); // by key; tensors may share one
  for (const [name, tensor] of stateDict) {
    const key = tensor.storageKey;
    const storage = storages.get(key) ?? (await findStorage(archive, key));
    storages.set(key, storage);
    const info: TensorInfo = { name, dtype: tensor.dtype, shape: tensor.shape, file: file.path };
    if (tensor.storedDtype !== undefined) info.storedDtype = tensor.storedDtype;
    const wrong = storage.problem ?? tensorProblem(tensor, storage.bytes);
    if (wrong !== undefined)
      info.problem = `${file.path}: tensor ${name}, shape [${tensor.shape.join(', ')}], ${wrong}`;
    tensors.set(name, info);
    places.set(name, { storage, tensor });
  }
  return {
    tensors,
    async read(name) {
      const place = places.get(name);
      if (place === undefined) throw new UserError(`${file.path} has no tensor ${name}.`);
      const { problem } = tensors.get(name)!;
      if (problem !== undefined) throw new UserError(problem);
      const { storage, tensor } = place;
      const span = spannedElements(tensor) * tensor.itemSize;
      const bytes = await file.read(storage.start + tensor.offset * tensor.itemSize, span);
      if (!verified.has(storage)) await checkStorage(file, storage, bytes);
      verified.add(storage);
      return isContiguous(tensor) ? bytes : gatherElements(bytes, tensor);
    },
    close: () => file.close(),
  };
}

/** Compares a storage with its CRC-32. @param bytes those of the tensor that is read, which mostly are the whole storage */
async function checkStorage(file: OpenFile, { entry, start, bytes: size }: Storage, bytes: Uint8Array): Promise<void> {
  if (entry === undefined) return;
  if (bytes.length === size) return checkCrc(file.path, entry, crc32(bytes));
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

/** Where the bytes of a storage begin in the file and how many there are, or why they cannot be read. */
interface Storage {
  start: number;
  bytes: number;
  entry?: Entry;
  problem?: string;
}

async function findStorage({ entries, dataOffset }: Archive, key: string): Promise<Storage> {
  const entry = entries.get(`data/${key}`);
  if (entry === undefined) {
    return { start: 0, bytes: 0, problem: `is in storage ${key}, which is missing from the archive.` };
  }
  try {
    return { start: await dataOffset(entry), bytes: entry.uncompressedSize, entry };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { start: 0, bytes: 0, problem: `cannot be read: ${error.message}` };
  }
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

/** A view may repeat elements (`Tensor.expand`), so a small file could ask for any amount of memory. */
const MAX_REPEATED_BYTES = 2 ** 28;

/** Why a tensor cannot be read from a storage of so many bytes; undefined if it can. */
function tensorProblem(tensor: PickledTensor, bytes: number): string | undefined {
  const { storageKey, storageBytes, itemSize } = tensor;
  const end = (tensor.offset + spannedElements(tensor)) * itemSize;
  if (end > storageBytes || storageBytes > bytes) {
    return `ends at byte ${end} of storage ${storageKey}, which has ${bytes} bytes (${storageBytes} according to the pickle).`;
  }
  const size = elementCount(tensor) * itemSize;
  if (size > Math.max(storageBytes, MAX_REPEATED_BYTES)) {
    return `repeats ${storageBytes} bytes to ${size}. Call .clone() on it in PyTorch and save again.`;
  }
  return undefined;
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
