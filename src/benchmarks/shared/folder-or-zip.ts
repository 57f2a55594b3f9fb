import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../../datasets/image-source.js';
import { openImageFolder, openImageZip } from '../../datasets/image-source.js';

/** Opens the images in `<folder>/<name>/`, or in `<name>/` inside `<folder>/<name>.zip`; null when neither exists. */
export async function openFolderOrZip(folder: string, name: string): Promise<ImageSource | null> {
  const images = join(folder, name);
  if (existsSync(images)) return openImageFolder(images);
  const zip = `${images}.zip`;
  return existsSync(zip) ? openImageZip(zip, `${name}/`) : null;
}
