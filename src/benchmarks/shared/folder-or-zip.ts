import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../../datasets/image-source.js';
import { openImageFolder, openImageZip } from '../../datasets/image-source.js';

/** Opens the images of `<folder>/<name>/`, or of `<folder>/<name>.zip` where that folder lies within; null without both. */
export async function openFolderOrZip(folder: string, name: string): Promise<ImageSource | null> {
  const images = join(folder, name);
  if (existsSync(images)) return openImageFolder(images);
  const zip = `${images}.zip`;
  return existsSync(zip) ? openImageZip(zip, `${name}/`) : null;
}
