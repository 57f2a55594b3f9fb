import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';

/** What each folder of src/ may import beside itself: `cli` starts everything, `api` is what programs import, `shared` knows of nothing. */
const ALLOWED: Record<string, readonly string[]> = {
  shared: [],
  terminal: ['shared'],
  fetch: ['shared'],
  datasets: ['fetch', 'shared'],
  chat: ['shared'],
  model: ['shared'],
  results: ['terminal', 'shared'],
  benchmarks: ['chat', 'datasets', 'results', 'shared'],
  downloads: ['benchmarks', 'datasets', 'fetch', 'terminal', 'shared'],
  evaluation: ['chat', 'downloads', 'benchmarks', 'datasets', 'model', 'results', 'terminal', 'shared'],
  api: ['evaluation', 'chat', 'downloads', 'benchmarks', 'datasets', 'model', 'results', 'shared'],
  commands: [
    'evaluation',
    'chat',
    'downloads',
    'benchmarks',
    'datasets',
    'fetch',
    'model',
    'results',
    'terminal',
    'shared',
  ],
  cli: ['commands', 'benchmarks', 'model', 'results', 'shared'],
};

const source = join(PACKAGE_ROOT, 'src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const imports = new Map(files.map((file) => [file, importsOf(file)]));

test('src/ holds folders and cli.ts only, each with a place in the order of imports', () => {
  assert.deepEqual(
    readdirSync(source).filter((name) => !(name in ALLOWED)),
    ['cli.ts'],
  );
});

test('no import runs back up', () => {
  const wrong = [...imports].flatMap(([file, targets]) => {
    const from = folderOf(file);
    if (from === null) return [];
    return targets
      .filter((target) => folderOf(target) !== from && !ALLOWED[from]!.includes(folderOf(target) ?? 'cli.ts'))
      .map((target) => `${file} imports ${target}`);
  });
  assert.deepEqual(wrong, []);
});

test('no imports run in a circle', () => {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    assert.ok(!path.includes(file), [...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file)) return;
    path.push(file);
    for (const target of imports.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of files) visit(file);
});

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8');
  const names = [...text.matchAll(/(?:from|import)\s*\(?'(\.[^']+)\.js'/g)].map((match) => match[1]!);
  return names.map((name) => relative('.', normalize(join(dirname(file), `${name}.ts`))));
}

/** Null for a file that lies in src/ itself. */
function folderOf(file: string): string | null {
  return file.includes('/') ? file.split('/')[0]! : null;
}
