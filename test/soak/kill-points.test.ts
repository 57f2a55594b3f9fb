import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import test from 'node:test';
import { type KillReport, soak } from '../../soak/kill-points.js';
import { soakDownloads, soakExports } from '../../soak/killed-folders.js';
import { soakGradings } from '../../soak/killed-gradings.js';
import { testFolder } from '../commands/cli.js';

const skip = process.platform === 'win32' && 'SIGINT cannot be sent there';

test('killed at a dozen moments, a run ends with the undisturbed result: no answer lost, none doubled', {
  skip,
}, async (t) => {
  const folder = await testFolder();
  t.after(() => rm(folder, { recursive: true }));
  const kills: KillReport[] = [];
  const report = await soak({
    args: ['textvqa', '--limit', '16', '--resolution', '128', '--batch-size', '1', '--threads', '1'],
    kills: 12,
    seed: 5,
    folder,
    onKill: (kill) => kills.push(kill),
  });
  t.diagnostic(kills.map(({ signal, changes, answers }) => `${signal} ${changes}: ${answers}`).join(', '));
  assert.equal(report.kills, 12);
  assert.ok(kills.some(({ answers }) => answers > 0 && answers < 16));
});

test('killed downloads, exports and gradings end with the undisturbed files and scores', { skip }, async (t) => {
  const folders = await Promise.all([testFolder(), testFolder(), testFolder()]);
  t.after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));
  const completed = await Promise.all([
    soakDownloads({ kills: 3, seed: 3, folder: folders[0]! }),
    soakGradings({ kills: 3, seed: 3, folder: folders[1]! }),
    soakExports({ kills: 3, seed: 3, folder: folders[2]! }),
  ]);
  for (const count of completed) assert.ok(count >= 1);
});
