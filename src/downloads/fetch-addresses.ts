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
/** Dead addresses that are named; all are in the report. */
const NAMED_DEAD = 5;

/** An image that could not be had. */
interface DeadImage {
  url: string;
  reason: string;
}

/** The report of the images that could not be had, by their names; beside the folder of the others. */
export const deadImages = jsonFile<Record<string, DeadImage>>(
  'dead-images.json',
  mapOf(objectOf<DeadImage>({ url: TEXT, reason: TEXT })),
);

/**
 * Fetches images from the address of each. Shops lose pictures: dead addresses are reported, not fatal, and tried again
 * by the next download.
 * @returns how many could not be had
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

/** Whether every image is there or was reported dead. */
export async function areAddressesDone(folder: string, to: string): Promise<boolean> {
  const dead = (await deadImages.read(folder)) ?? {};
  const missing = missingImages(await ocrVqaImageAddresses(folder), join(folder, to));
  return missing.every(([name]) => name in dead);
}

/** An image may also have the name that a mirror's has. */
function missingImages(all: ReadonlyMap<string, string>, folder: string): [string, string][] {
  const hasOther = (name: string) => existsSync(join(folder, `${basename(name, extname(name))}.jpg`));
  return [...all].filter(([name]) => !existsSync(join(folder, name)) && !hasOther(name));
}
