import { basename } from 'node:path';
import { ImageError, UserError } from '../shared/errors.js';
import type { ImageSource } from './image-source.js';
import { checkImageBytes, stampOfFile } from './image-source.js';
import { parquetFilesOf } from './list-parquet-files.js';
import { cachedCells } from './parquet-cells.js';
import { openParquetFile, type ParquetFile, readWholeColumn } from './parquet-file.js';
import {
  fieldOf,
  IMAGE,
  imageBytesChunk,
  imageColumn,
  readImages,
  textOf,
  withoutField,
} from './parquet-image-column.js';

/** Columns that may identify a row's image; the first one in the file is used. */
const ID_COLUMNS = ['image_id', 'image_source', 'id', 'question_id'];
/** Location of an image. */
interface Place {
  file: ParquetFile;
  /** 0-based row in the file. */
  row: number;
}

/** Locations of images by their identifiers. */
interface Index {
  /** By the last part of `image.path`. */
  byPath: Map<string, Place>;
  byId: Map<string, Place>;
  /** By numeric `image_id`, as in COCO. */
  byNumber: Map<number, Place>;
}

/**
 * Opens images in the Parquet files of a benchmark's mirror: names are read once, image bytes on request. An image is
 * found by the file name in `image.path`, otherwise by the file's first id column, which contains the image's name with
 * or without extension, or (`image_id` only) the number at the end of a COCO name. If several rows have the same image,
 * the first is read.
 * @throws UserError naming a file that is damaged, has no image column, or nothing to identify its images
 */
export async function openParquetImages(paths: readonly string[]): Promise<ImageSource> {
  const files: ParquetFile[] = [];
  const close = async (): Promise<void> => {
    for (const file of files) await file.close();
  };
  try {
    const index: Index = { byPath: new Map(), byId: new Map(), byNumber: new Map() };
    for (const path of paths) {
      const file = await openParquetFile(path);
      files.push(file);
      await addToIndex(index, file);
    }
    const bytesAt = cachedReader();
    return {
      async read(image) {
        const place = placeOf(index, image);
        if (place) return bytesAt(place, image);
        throw new ImageError('missing', `${image} is not in ${paths.join(', ')}`);
      },
      async stamp(image) {
        const place = placeOf(index, image);
        const file = place && (await stampOfFile(place.file.path));
        return file ? { bytes: null, mark: `${file.bytes} ${file.mark} row ${place.row}` } : null;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Opens the images of the Parquet files in a folder or in its `data/`; files without an image column (questions,
 * annotations) are ignored. null if there are none.
 * @throws UserError like `openParquetImages`
 */
export async function openParquetFolder(folder: string): Promise<ImageSource | null> {
  const withImages: string[] = [];
  for (const path of await parquetFilesOf(folder)) {
    const file = await openParquetFile(path);
    await file.close();
    if (imageColumn(file)) withImages.push(path);
  }
  return withImages.length > 0 ? openParquetImages(withImages) : null;
}

async function addToIndex({ byPath, byId, byNumber }: Index, file: ParquetFile): Promise<void> {
  const { path } = file;
  const columnNames = file.columns.map(({ element }) => element.name);
  const found = `it has the columns ${columnNames.join(', ')}`;
  const column = imageColumn(file);
  if (!column) throw new UserError(`${path} has no column "${IMAGE}" of records with "bytes"; ${found}.`);
  const hasPath = fieldOf(column, 'path') !== undefined;
  const idColumn = ID_COLUMNS.find((name) => columnNames.includes(name));
  if (!hasPath && idColumn === undefined) {
    throw new UserError(`${path} has neither "${IMAGE}.path" nor a column named ${ID_COLUMNS.join(', ')}; ${found}.`);
  }
  const paths = hasPath ? await readPaths(file) : [];
  const ids = idColumn === undefined ? [] : await readIds(file, idColumn);
  for (const [row, imagePath] of paths.entries()) {
    if (imagePath !== '') addFirst(byPath, basename(imagePath), { file, row });
  }
  for (const [row, id] of ids.entries()) {
    if (id !== '') addFirst(byId, id, { file, row });
    // Question ids are different numbers: 425 may ask about image 42.
    if (idColumn === 'image_id' && /^\d+$/.test(id)) addFirst(byNumber, Number(id), { file, row });
  }
}

async function readPaths(file: ParquetFile): Promise<string[]> {
  const images = await readWholeColumn(file, IMAGE, withoutField(file, 'bytes'));
  return images.map((image) => textOf((image as { path?: unknown } | null | undefined)?.path));
}

async function readIds(file: ParquetFile, column: string): Promise<string[]> {
  const ids = await readWholeColumn(file, column, file.metadata);
  return ids.map(textOf);
}

function addFirst<K>(places: Map<K, Place>, key: K, place: Place): void {
  if (!places.has(key)) places.set(key, place);
}

function placeOf({ byPath, byId, byNumber }: Index, image: string): Place | undefined {
  const named = byPath.get(image) ?? byId.get(image) ?? byId.get(image.replace(/\.[^.]*$/, ''));
  const number = /^COCO_\w+_(\d{12})\.\w+$/.exec(image)?.[1];
  return named ?? (number === undefined ? undefined : byNumber.get(Number(number)));
}

/** Reads the bytes of one image, caching the row groups that were read last. */
function cachedReader(): (place: Place, image: string) => Promise<Uint8Array> {
  const cellAt = cachedCells({
    bytesOf: ({ metadata }, group) =>
      Number(imageBytesChunk(metadata.row_groups[group]!)?.total_uncompressed_size ?? 0),
    read: readImages,
  });
  return async ({ file, row }, image) => {
    const bytes = await cellAt(file, row);
    const name = `${image} (${file.path}, row ${row})`;
    if (bytes === null || bytes === undefined) throw new ImageError('missing', `${name} has no bytes`);
    if (!(bytes instanceof Uint8Array)) throw new ImageError('unreadable', `${name} is not bytes`);
    checkImageBytes(name, bytes.length);
    // A copy, since the row group is cached and rows with the same image share its bytes.
    return bytes.slice();
  };
}
