import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../fixtures.js';

const page = readFileSync(join(projectRoot, 'docs', 'results-format.md'), 'utf8');

const folder = await mkdtemp(join(tmpdir(), 'llavahr-fields-'));
after(() => rm(folder, { recursive: true }));

/** Fields that a run on this machine without failures does not have. */
const ELSEWHERE = ['error', 'firstTokenMs'];
/** Fields of every file, which the page explains once. */
const EVERYWHERE = ['check', 'schemaVersion'];

/** The names in the first column of the table with this heading. */
function documentedFields(heading: string): string[] {
  const start = page.indexOf(`| \`${heading}\` | |\n`);
  assert.ok(start >= 0, `no table of ${heading}`);
  const [, , ...rows] = page.slice(start, page.indexOf('\n\n', start)).trimEnd().split('\n');
  return rows.flatMap((row) => [...row.split(' | ')[0]!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
}

test('results-format.md names every file of a run and every field of those without a schema', async () => {
  const args = [join(projectRoot, 'bin', 'llavahr'), 'eval', 'textvqa', '--limit', '2', '--output', folder];
  const env = { ...process.env, LLAVAHR_CACHE: join(folder, 'cache') };
  await promisify(execFile)(process.execPath, args, { env });
  const run = join(folder, readdirSync(folder).find((name) => name.startsWith('textvqa-'))!);
  const files = readdirSync(run);
  assert.deepEqual(
    files.filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
  for (const name of [
    'predictions.jsonl',
    'images.jsonl',
    'batches.jsonl',
    'question-scores.json',
    'references.json',
  ]) {
    const text = readFileSync(join(run, name), 'utf8');
    const record = JSON.parse(name.endsWith('l') ? text.slice(0, text.indexOf('\n')) : text) as object;
    assert.deepEqual(
      documentedFields(name)
        .filter((field) => !ELSEWHERE.includes(field))
        .toSorted(),
      Object.keys(record)
        .filter((field) => !EVERYWHERE.includes(field))
        .toSorted(),
      name,
    );
  }
});
