import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ImageSource, openImageFolder, openImageZip } from '../../datasets/image-source.js';
import { openParquetFolder } from '../../datasets/parquet-folder.js';
import { UserError } from '../../shared/errors.js';

/** The places in a benchmark's folder where its images may be. */
export interface ImagePlaces {
  /** `<name>/`, or `<name>.zip` with that folder inside. */
  names: readonly string[];
  /** The official archive, if its name differs, and the folder inside it. */
  archive?: { zip: string; inside: string };
  /** Whether parquet files with images, the format of mirrors on the Hugging Face Hub, are accepted (default: true). */
  parquet?: boolean;
  /** Where to get the images, as a complete sentence. */
  origin: string;
}

/** Opens the first of the places that exists. @throws UserError listing all of them when none exists */
export async function openBenchmarkImages(
  folder: string,
  { names, archive, parquet = true, origin }: ImagePlaces,
): Promise<ImageSource> {
  for (const name of names) {
    const images = await openFolderOrZip(folder, name);
    if (images) return images;
  }
  if (archive && existsSync(join(folder, archive.zip))) {
    return openImageZip(join(folder, archive.zip), `${archive.inside}/`);
  }
  const mirrored = parquet ? await openParquetFolder(folder) : null;
  if (mirrored) return mirrored;
  const places = [
    ...names.flatMap((name) => [`${name}/`, `${name}.zip`]),
    ...(archive ? [archive.zip] : []),
    ...(parquet ? ['*.parquet files'] : []),
  ];
  const expected = `${places.slice(0, -1).join(', ')} or ${places.at(-1)}`;
  throw new UserError(`${folder} has no images: expected ${expected}. ${origin}`);
}

/** Opens the images in `<folder>/<name>/`, or in `<name>/` inside `<folder>/<name>.zip`; null when neither exists. */
export async function openFolderOrZip(folder: string, name: string): Promise<ImageSource | null> {
  const images = join(folder, name);
  if (existsSync(images)) return openImageFolder(images);
  const zip = `${images}.zip`;
  return existsSync(zip) ? openImageZip(zip, `${basename(name)}/`) : null;
}
