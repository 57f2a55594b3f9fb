import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { insideFolder } from '../../shared/inside-folder.js';

/** Last part of a model's name or path: `clip-vit-large-patch14-336` of `openai/clip-vit-large-patch14-336`. */
export function lastPart(name: string): string {
  return name.split(/[\\/]/).findLast((part) => part !== '') ?? '';
}

/**
 * Looks for the folder of a model that a checkpoint's config names, such as its CLIP tower: at the path inside the checkpoint
 * folder, then by the last part of the name inside or next to that folder. A config cannot make us look anywhere else.
 */
export function findNamedFolder(checkpointFolder: string, name: string): string | null {
  const last = lastPart(name);
  const places = [
    insideFolder(checkpointFolder, name),
    insideFolder(checkpointFolder, last),
    insideFolder(dirname(checkpointFolder), last),
  ];
  return (
    places.find(
      (folder) => folder !== null && folder !== checkpointFolder && existsSync(join(folder, 'config.json')),
    ) ?? null
  );
}
