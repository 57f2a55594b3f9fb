import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordedCheckpoints } from '../../src/downloads/checkpoint-record.js';
import { fileState, recordFile } from '../../src/downloads/download-record.js';
import { mutateJson } from '../mutate-json.js';
import { mayRefuse } from '../refusal.js';
import type { FuzzTarget } from '../target.js';

const at = '2026-01-02T03:04:05.678Z';
const source = { etag: '"1"', bytes: 4, downloadedAt: at };
const sha256 = 'a'.repeat(64);
const DOWNLOADS = {
  schemaVersion: 1,
  files: { 'a.json': { ...source, url: 'https://example.org/a.json', sha256, modifiedMs: 1.5 } },
  parts: { 'https://example.org/b.zip': source },
};
const CHECKPOINTS = {
  schemaVersion: 1,
  checkpoints: {
    'owner/model': { commit: 'c'.repeat(40), files: { 'config.json': { bytes: 4, hash: sha256 } }, downloadedAt: at },
  },
};

/** downloads.json of a benchmark's folder and checkpoints.json of the cache. */
export const target: FuzzTarget = {
  async run(folder, random) {
    process.env['LLAVAHR_CACHE'] = join(folder, 'cache');
    await mkdir(join(folder, 'cache'));
    await writeFile(join(folder, 'a.json'), 'a'.repeat(4));
    await writeFile(join(folder, 'downloads.json'), mutateJson(JSON.stringify(DOWNLOADS), random));
    await writeFile(join(folder, 'cache', 'checkpoints.json'), mutateJson(JSON.stringify(CHECKPOINTS), random));
    await mayRefuse(async () => {
      const record = await recordFile.read(folder);
      for (const name of Object.keys(record?.files ?? {})) await fileState(folder, name, true);
    });
    await mayRefuse(recordedCheckpoints);
  },
};
