import { statSync } from 'node:fs';
import { exportModel } from '../model/export/export-model.js';
import { DEFAULT_PRECISION, type Precision } from '../model/precision.js';
import { defaultModelFolder } from '../shared/cache-folder.js';
import { EXIT, UserError } from '../shared/errors.js';
import { messageStream, say } from '../shared/log.js';

import { startByteProgress } from '../terminal/byte-progress.js';
import { type ExportJson, printJson } from './json-output.js';

export interface ExportCommandOptions {
  resolution?: number[];
  precision?: Precision;
  clipTower?: string;
  base?: string;
  output?: string;
  json: boolean;
}

/** `llavahr export`: prints the folder of the exported model, or its description as JSON. */
export async function exportCommand(checkpoint: string, options: ExportCommandOptions): Promise<number> {
  const found = statSync(checkpoint, { throwIfNoEntry: false });
  if (!found?.isDirectory()) {
    const advice =
      'Give the folder of a checkpoint; `llavahr eval --model` takes names, downloads and exports by itself.';
    throw new UserError(`${checkpoint} ${found ? 'is a file' : 'does not exist'}. ${advice}`);
  }
  const { precision = DEFAULT_PRECISION } = options;
  const output = options.output ?? (await defaultModelFolder(checkpoint, precision));
  const progress = startByteProgress(messageStream());
  const { manifest, outcome, notes, warnings } = await exportModel(checkpoint, {
    output,
    resolutions: options.resolution ?? [],
    precision,
    clipTower: options.clipTower,
    base: options.base,
    onProgress: progress.update,
    onWait: (message) => say('info', message),
  }).finally(progress.stop);
  for (const warning of warnings) say('warn', warning);
  for (const note of notes) say('info', `note: ${note}`);
  const sizes = manifest.resolutions.map(
    ({ resolution, visualTokens }) => `${resolution} px (${visualTokens} visual tokens)`,
  );
  const outcomeText = {
    exported: 'exported',
    extended: 'added graphs to the existing weights',
    unchanged: 'already exported, nothing to do',
  };
  say('info', `${manifest.name}, ${manifest.precision}: ${outcomeText[outcome]}. Resolutions: ${sizes.join(', ')}`);
  if (options.json) {
    const { name, precision, resolutions } = manifest;
    const inputs = resolutions.map(({ resolution, visualTokens }) => ({ resolution, visualTokens }));
    printJson<ExportJson>({
      folder: output,
      model: name,
      precision,
      outcome,
      resolutions: inputs,
      notes: [...warnings, ...notes],
    });
  } else {
    console.log(output);
  }
  return EXIT.done;
}
