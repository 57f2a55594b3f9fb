import { existsSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { ocrVqaImageAddresses } from '../benchmarks/ocrvqa.js';
import { downloadFile } from '../fetch/download-file.js';
import { messageOf, UserError } from '../shared/errors.js';
import { jsonFile } from '../shared/json-file.js';
import { mapOf, objectOf, TEXT } from '../shared/json-schema.js';
import { forEachParallel } from '../shared/parallel.js';
import { imagePath, type SplitJob } from './split-job.js';

const ADDRESSES_AT_ONCE = 4;
/** Number of dead links to name; all are in the report. */
const NAMED_DEAD = 5;

/** An image that could not be downloaded. */
interface DeadImage {
  url: string;
  reason: string;
}

/** Report of images that could not be downloaded, by name, next to the image folder. */
export const deadImages = jsonFile<Record<string, DeadImage>>(
  'dead-images.json',
  mapOf(objectOf<DeadImage>({ url: TEXT, reason: TEXT })),
);

/**
 * Fetches each image from its own URL. Dead links are reported rather than fatal, since shops remove images; the next
 * download tries them again.
 * @returns the number of images that could not be downloaded
 */
export async function fetchAddresses(to: string, { folder, tools }: SplitJob): Promise<number> {
  const { requests, signal, progress } = tools;
  const all = await ocrVqaImageAddresses(folder);
  const missing = missingImages(all, join(folder, to));
  const dead: Record<string, DeadImage> = {};
  if (missing.length > 0) progress.log(`${missing.length} of ${all.size} images, each from its own URL`);
  const transfer = progress.begin('images', missing.length, 'files');
  let done = 0;
  try {
    await forEachParallel(missing, ADDRESSES_AT_ONCE, async ([name, url]) => {
      try {
        await downloadFile(requests, { urls: [url], format: 'other' }, imagePath(join(folder, to), name), { signal });
      } catch (error) {
        if (!(error instanceof UserError) || requests.offline) throw error;
        dead[name] = { url, reason: messageOf(error) };
      }
      transfer.update(++done);
    });
  } finally {
    transfer.end();
  }
  await deadImages.write(folder, dead);
  const failures = Object.values(dead);
  for (const { reason } of failures.slice(0, NAMED_DEAD)) progress.log(`  dead: ${reason}`);
  if (failures.length > 0) progress.log(`  ${failures.length} dead links, listed in ${join(folder, deadImages.name)}`);
  return failures.length;
}

/** Whether every image exists or was reported dead. */
export async function areAddressesDone(folder: string, to: string): Promise<boolean> {
  const dead = (await deadImages.read(folder)) ?? {};
  const missing = missingImages(await ocrVqaImageAddresses(folder), join(folder, to));
  return missing.every(([name]) => name in dead);
}

/** The images that do not exist, neither under their own name nor under that of a mirror. */
function missingImages(all: ReadonlyMap<string, string>, folder: string): [string, string][] {
  const hasOther = (name: string) => existsSync(join(folder, `${basename(name, extname(name))}.jpg`));
  return [...all].filter(([name]) => !existsSync(join(folder, name)) && !hasOther(name));
}
