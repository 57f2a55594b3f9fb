import type { ModelEntry } from '../datasets/catalogue-schema.js';
import type { Requests } from '../fetch/http.js';
import { downloadCheckpoint, type HubDownloadOptions } from '../fetch/hub.js';

/** Folders of a checkpoint and of the CLIP tower that it does not hold itself. */
export interface DownloadedModel {
  folder: string;
  clipTower?: string;
}

/** Branch that stands for the newest commit. */
const NEWEST = 'main';

/** Downloads a checkpoint of the catalogue with all that its export needs. @throws UserError as `downloadCheckpoint` */
export async function downloadModel(
  { repo, revision, clipTower }: ModelEntry,
  requests: Requests,
  options: HubDownloadOptions,
): Promise<DownloadedModel> {
  const folder = await downloadCheckpoint(requests, repo, revision ?? NEWEST, options);
  if (!clipTower) return { folder };
  return {
    folder,
    clipTower: await downloadCheckpoint(requests, clipTower.repo, clipTower.revision ?? NEWEST, options),
  };
}
