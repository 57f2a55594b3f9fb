import type { ImageSource } from '../../datasets/image-source.js';
import { openParquetFolder } from '../../datasets/parquet-folder.js';
import { UserError } from '../../shared/errors.js';
import { openFolderOrZip } from './folder-or-zip.js';

/** COCO image sets used by benchmarks, with the sizes of their archives. */
const ARCHIVES = { val2014: '6.6 GB', test2015: '13.3 GB' } as const;
export type CocoSet = keyof typeof ARCHIVES;

/** File name of a COCO image, such as "COCO_val2014_000000000042.jpg". */
export function cocoImage(set: CocoSet, imageId: number): string {
  return `COCO_${set}_${String(imageId).padStart(12, '0')}.jpg`;
}

/** @throws UserError when the benchmark's folder has neither an image folder or archive nor parquet files with images */
export async function openCocoImages(folder: string, set: CocoSet): Promise<ImageSource> {
  const images = (await openFolderOrZip(folder, set)) ?? (await openParquetFolder(folder));
  if (images) return images;
  throw new UserError(
    `${folder} has no images: expected ${set}/, ${set}.zip or *.parquet files. ` +
      `Download http://images.cocodataset.org/zips/${set}.zip (${ARCHIVES[set]}) into it; there is no need to unpack it.`,
  );
}
