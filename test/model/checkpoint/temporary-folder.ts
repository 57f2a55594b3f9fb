import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fixture } from '../../fixtures.js';

/** A folder that is deleted at the end of the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'llavahr-checkpoint-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

type Json = Record<string, unknown>;

/** A copy of a reference checkpoint whose config.json has some keys changed; undefined removes a key. */
export function checkpointWith(t: TestContext, name: string, changes: Json): string {
  const folder = join(temporaryFolder(t), name);
  cpSync(fixture('reference', name), folder, { recursive: true });
  changeJson(join(folder, 'config.json'), (config) => ({ ...config, ...changes }));
  return folder;
}

export function changeJson(file: string, change: (value: Json) => Json): void {
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))));
}
