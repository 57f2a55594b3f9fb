import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { projectRoot } from '../fixtures.js';
import { npmPack } from './installed-package.js';

const readJson = (name: string) => JSON.parse(readFileSync(join(projectRoot, name), 'utf8'));

test('the package holds what runs, and nothing that only made or tested it', async () => {
  const { files, size } = await npmPack('--dry-run');
  const paths = files.map(({ path }) => path);
  const needed = [
    ...['tasks/chartqa.json', 'sample/task/task.json', 'docs/task-files.md', 'docs/task.schema.json'],
    ...['LICENSE', 'README.md', 'bin/llavahr', 'bin/package.json', 'datasets.json', 'dist/src/cli.js'],
    ...['dist/src/results/html/client/sample-browser.js', 'src/results/html/report.css'],
    ...['sample/models/llava-hr-tiny/model.safetensors', 'sample/models/llava-1.5-tiny/model.safetensors'],
  ];
  assert.deepEqual(
    needed.filter((path) => !paths.includes(path)),
    [],
  );
  const unwanted = /\.map$|^sample\/make\/|\.py$|^dist\/(?!src\/)|^(test|bench|fuzz|soak|scripts)\//;
  assert.deepEqual(
    paths.filter((path) => unwanted.test(path)),
    [],
  );
  // The weights of the two embedded models are 14.4 MB of it, which do not compress.
  assert.ok(size < 19.5e6, `${size} bytes`);
});

test('npm ci runs no install script, since onnxruntime-node downloads CUDA libraries in its own', () => {
  const marked = Object.entries<{ hasInstallScript?: boolean }>(readJson('package-lock.json').packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([name]) => name);
  assert.deepEqual(marked, [], 'delete "hasInstallScript" there: npm below 11.16 knows no allowScripts');
  assert.deepEqual(readJson('package.json').allowScripts, { 'onnxruntime-node': false });
});
