import type { ImageSource } from '../../datasets/image-source.js';
import { openBenchmarkImages } from './open-images.js';

/** COCO image sets used by benchmarks, with the sizes of their archives. */
const ARCHIVES = { val2014: '6.6 GB', test2015: '13.3 GB' } as const;
export type CocoSet = keyof typeof ARCHIVES;

/**
 * File names of COCO images by id, such as "COCO_val2014_000000000042.jpg". Questions about one image get the same string:
 * grouping hundreds of thousands of equal ones takes several times longer.
 */
export function cocoImages(set: CocoSet): (imageId: number) => string {
  const names = new Map<number, string>();
  return (imageId) => {
    const name = names.get(imageId) ?? `COCO_${set}_${String(imageId).padStart(12, '0')}.jpg`;
    names.set(imageId, name);
    return name;
  };
}

/** @throws UserError when the benchmark's folder has neither an image folder or archive nor parquet files with images */
export function openCocoImages(folder: string, set: CocoSet): Promise<ImageSource> {
  const address = `http://images.cocodataset.org/zips/${set}.zip`;
  const origin = `Download ${address} (${ARCHIVES[set]}) into it; there is no need to unpack it.`;
  return openBenchmarkImages(folder, { names: [set], origin });
}
