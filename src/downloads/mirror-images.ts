import { rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  notParquet,
  type ParquetFile,
  type RowRange,
  readWholeColumn,
  rowGroupRanges,
} from '../datasets/parquet-file.js';
import { imageBytesChunk, imageColumn, readImages, textOf } from '../datasets/parquet-image-column.js';
import { RangeUnsupported } from '../fetch/http.js';
import { checkDiskSpace } from '../shared/disk-space.js';
import { UserError } from '../shared/errors.js';
import { makeFolder } from '../shared/make-folder.js';
import { imagePath } from './split-job.js';

/** The images to read from a mirror's file. */
export interface WantedImages {
  keyColumn: string;
  /** Image names by the mirror's keys; an image with several questions can have several keys. */
  byKey: ReadonlyMap<string, string>;
  /** Folder to write the images to. */
  target: string;
  /** Named in the error for a file with unexpected columns. */
  repository: string;
}

/**
 * Writes the needed images of a mirror's Parquet file, each once, reading the key column and the image column of row
 * groups with needed images.
 * @param onProgress called with bytes of the image column
 * @returns the names of the written images
 * @throws UserError when the file has unexpected columns, or an image cannot be read or written
 * @throws RangeUnsupported like the file's buffer
 */
export async function writeMirrorImages(
  file: ParquetFile,
  { keyColumn, byKey, target, repository }: WantedImages,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<string[]> {
  const columns = file.columns.map(({ element }) => element.name);
  if (!columns.includes(keyColumn) || imageColumn(file) === null) {
    throw new UserError(
      `${file.path} has no "${keyColumn}" column or no images, unlike ${repository}; its columns are ` +
        `${columns.join(', ')}. Use --source official.`,
    );
  }
  const keys = (await readWholeColumn(file, keyColumn)).map((value) => stem(textOf(value)));
  const left = new Set(byKey.values());
  const groups = rowGroupRanges(file.metadata).map((rows, i) => ({ rows, group: file.metadata.row_groups[i]! }));
  const planned = groups
    .map(({ rows, group }) => ({
      bytes: Number(imageBytesChunk(group)?.total_compressed_size ?? 0),
      images: imagesIn(keys, rows, byKey, left),
    }))
    .filter(({ images }) => images.length > 0);
  const totalBytes = planned.reduce((sum, { bytes }) => sum + bytes, 0);
  await checkDiskSpace(target, totalBytes, 'Unpacking images');
  let doneBytes = 0;
  onProgress(doneBytes, totalBytes);
  for (const { bytes, images } of planned) {
    await writeRows(file, images, target);
    doneBytes += bytes;
    onProgress(doneBytes, totalBytes);
  }
  return planned.flatMap(({ images }) => images.map(({ image }) => image));
}

/** Removes an image extension from a key. */
export function stem(name: string): string {
  return name.replace(/\.(jpe?g|png|gif)$/i, '');
}

/** An image and its row in the file. */
interface Row {
  row: number;
  image: string;
}

/** Removes the images of a row group from `left` and returns them, each once. */
function imagesIn(
  keys: readonly string[],
  rows: RowRange,
  byKey: ReadonlyMap<string, string>,
  left: Set<string>,
): Row[] {
  const found: Row[] = [];
  for (let row = rows.start; row < rows.end; row++) {
    const image = byKey.get(keys[row]!);
    if (image !== undefined && left.delete(image)) found.push({ row, image });
  }
  return found;
}

async function writeRows(file: ParquetFile, images: readonly Row[], target: string): Promise<void> {
  const [start, end] = [images[0]!.row, images.at(-1)!.row + 1];
  const bytes = await readImages(file, { start, end }).catch((error) => {
    throw error instanceof UserError || error instanceof RangeUnsupported ? error : notParquet(file.path, error);
  });
  for (const { row, image } of images) {
    const content = bytes[row - start];
    if (!(content instanceof Uint8Array)) throw new UserError(`${file.path}, row ${row}: ${image} has no bytes.`);
    const path = imagePath(target, image);
    await makeFolder(dirname(path));
    await writeFile(`${path}.part`, content);
    await rename(`${path}.part`, path);
  }
}
