import { join } from 'node:path';
import { BENCHMARKS } from '../benchmarks/registry.js';
import { benchmarkEntry } from '../datasets/catalogue.js';
import type { Catalogue } from '../datasets/catalogue-schema.js';
import { cachedSnapshot, snapshotFolder, snapshotProblems } from '../fetch/hub-checkpoint.js';
import { messageOf } from '../shared/errors.js';
import { recordedCheckpoints } from './checkpoint-record.js';
import { fileState, recordedHubFiles } from './download-record.js';
import { isSplitThere } from './download-split.js';

/** State of a download. */
export interface DownloadState {
  state: 'complete' | 'partial' | 'not here' | 'damaged';
  /** What is wrong or unknown; may be empty. */
  detail: string;
  /** The llavahr command that downloads missing files; null when nothing is missing or it must be done manually. */
  command: string | null;
}

export interface SplitState extends DownloadState {
  benchmark: string;
  split: string;
}

export interface CheckpointState extends DownloadState {
  model: string;
}

/**
 * The state of each split in the catalogue.
 * @param verify hash files instead of trusting size and modification time
 */
export async function splitStates(catalogue: Catalogue, root: string, verify: boolean): Promise<SplitState[]> {
  const states: SplitState[] = [];
  for (const definition of BENCHMARKS) {
    const { name } = definition;
    const folder = join(root, name);
    for (const split of benchmarkEntry(catalogue, name).splits) {
      const add = (state: DownloadState): number => states.push({ benchmark: name, split: split.name, ...state });
      const command = `download ${name} --split ${split.name}`;
      const fromHub = split.hub ? await recordedHubFiles(folder, split.hub.files) : [];
      if (fromHub === null) {
        add({ state: 'not here', detail: '', command });
        continue;
      }
      const packed = split.images.flatMap((images) => (images.kind === 'archive' ? [images.to] : []));
      const names = [...split.files.map(({ to }) => to), ...packed, ...fromHub];
      const files = await Promise.all(names.map(async (to) => ({ to, state: await fileState(folder, to, verify) })));
      const changed = files.filter(({ state }) => state === 'changed').map(({ to }) => to);
      const missing = files.filter(({ state }) => state === 'missing').length;
      if (changed.length > 0) {
        const detail = `${changed.join(', ')} modified since the download: delete and download again`;
        add({ state: 'damaged', detail, command: null });
      } else if (missing === files.length) add({ state: 'not here', detail: '', command });
      else if (missing > 0) {
        add({ state: 'partial', detail: `${missing} of ${files.length} files are missing`, command });
      } else {
        const isThere = await isSplitThere(definition, split, root).catch(messageOf);
        if (isThere === true) add({ state: 'complete', detail: verify ? 'hashes agree' : '', command: null });
        else if (isThere === false) add({ state: 'partial', detail: 'images are missing', command });
        else add({ state: 'damaged', detail: isThere, command: null });
      }
    }
  }
  return states;
}

/** The state of each checkpoint in the catalogue, including its CLIP tower. */
export async function checkpointStates({ models }: Catalogue, verify: boolean): Promise<CheckpointState[]> {
  const recorded = await recordedCheckpoints();
  const states: CheckpointState[] = [];
  for (const { name: model, repo, revision, clipTower } of models) {
    const command = `download model ${model}`;
    const repos = [{ repo, revision }, ...(clipTower ? [clipTower] : [])];
    const problems: string[] = [];
    let here = 0;
    for (const one of repos) {
      const known = recorded[one.repo];
      if (known) {
        here++;
        const found = await snapshotProblems(snapshotFolder(one.repo, known.commit), known.files, verify);
        for (const problem of found) problems.push(`${one.repo}: ${problem}`);
      } else if ((await cachedSnapshot(one.repo, one.revision ?? 'main')) !== null) {
        here++;
        problems.push(`${one.repo}: downloaded by another program, not checked`);
      }
    }
    if (here === 0) states.push({ model, state: 'not here', detail: '', command });
    else if (here < repos.length)
      states.push({ model, state: 'partial', detail: 'the CLIP tower is missing', command });
    else if (problems.some((problem) => !/ (is missing|not checked)$/.test(problem))) {
      const detail = `${problems.join('; ')}: delete the file and download again`;
      states.push({ model, state: 'damaged', detail, command });
    } else if (problems.length > 0) states.push({ model, state: 'partial', detail: problems.join('; '), command });
    else states.push({ model, state: 'complete', detail: verify ? 'hashes agree' : '', command: null });
  }
  return states;
}
