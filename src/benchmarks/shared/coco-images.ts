import type { ImageSource } from '../../datasets/image-source.js';
import { openParquetFolder } from '../../datasets/parquet-folder.js';
import { UserError } from '../../shared/errors.js';
import { openFolderOrZip } from './folder-or-zip.js';

/** Sets of COCO images that benchmarks ask about, with the sizes of their archives. */
const ARCHIVES = { val2014: '6.6 GB', test2015: '13.3 GB' } as const;
export type CocoSet = keyof typeof ARCHIVES;

/** "COCO_val2014_000000000042.jpg" */
export function cocoImage(set: CocoSet, imageId: number): string {
  return `COCO_${set}_${String(imageId).padStart(12, '0')}.jpg`;
}

/** @throws UserError when the benchmark's folder has no folder or archive of images and no parquet files with images */
export async function openCocoImages(folder: string, set: CocoSet): Promise<ImageSource> {
  const images = (await openFolderOrZip(folder, set)) ?? (await openParquetFolder(folder));
  if (images) return images;
  throw new UserError(
    `${folder} holds neither ${set}/ nor ${set}.zip nor *.parquet files with images. ` +
      `Download http://images.cocodataset.org/zips/${set}.zip ` +
      `(${ARCHIVES[set]}) into it; it need not be unpacked.`,
  );
}
