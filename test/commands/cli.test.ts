import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import test, { after } from 'node:test';
import { projectRoot } from '../fixtures.js';
import { llavahr, resultFolder, start, testFolder } from './cli.js';
import { publishedJson } from './json-schemas.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

test('--help and --version answer without loading onnxruntime or sharp', async () => {
  const probe = join(folder, 'probe.cjs');
  const report = 'process.report.getReport().sharedObjects.filter((path) => /onnxruntime|sharp|vips/.test(path))';
  await writeFile(probe, `process.on('exit', () => process.stderr.write(JSON.stringify(${report})));`);
  for (const args of [['--help'], ['eval', '--help'], ['--version']]) {
    const { code, stdout, stderr } = await start(folder, args, { NODE_OPTIONS: `--require ${probe}` }).result;
    assert.equal(code, 0);
    assert.equal(stderr, '[]');
    assert.ok(stdout.length > 0);
  }
});

test('every command has a help text with an example', async () => {
  for (const command of [
    'eval',
    'merge',
    'download',
    'doctor',
    'export',
    'score',
    'list',
    'show',
    'verify',
    'compare',
    'ablate',
    'latency',
    'report',
    'runs',
  ]) {
    const { code, stdout } = await llavahr(folder, command, '--help');
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`Examples?:\\n[^]*\\bllavahr ${command}\\b`));
  }
});

test('--version is the package version', async () => {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  assert.equal((await llavahr(folder, '--version')).stdout, `${version}\n`);
});

test('compare prints both runs, the difference and its interval; resolutions and models side by side', async () => {
  const baseline = join(folder, 'baseline');
  const runs = join(folder, 'runs');
  const llava15 = join(projectRoot, 'sample', 'models', 'llava-1.5-tiny');
  assert.equal((await llavahr(folder, 'eval', 'textvqa', '--model', llava15, '--output', baseline)).code, 0);
  assert.equal((await llavahr(folder, 'eval', 'textvqa', '--output', runs)).code, 0);
  const folders = [await resultFolder(baseline), await resultFolder(runs)];
  const { code, stdout } = await llavahr(folder, 'compare', ...folders);
  assert.equal(code, 0);
  assert.match(stdout, /llava-1\.5-tiny at 112 px +[\d.]+ +\[[\d.]+, [\d.]+\] +48$/m);
  assert.match(stdout, /llava-hr-tiny at 256 px +\+\d+ +\[\d+, \d+\] +<0\.001 /);
  assert.match(stdout, /^llava-hr-tiny at 256 px is better than llava-1\.5-tiny at 112 px on$/m);
  assert.ok(stdout.split('\n').every((line) => line.length <= 100 || line.startsWith('Note:')));

  const json = await llavahr(folder, 'compare', '--json', ...folders);
  const [comparison] = publishedJson('compare', json.stdout).comparisons;
  assert.ok(comparison.rows[1].difference.points > 30, 'small text needs the high-resolution pathway');

  const none = await llavahr(folder, 'compare', folder);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /is not a run folder/);
});

test('--help loads no package but commander: every other one would delay it', () => {
  const loaded = new Set<string>();
  const packages = new Set<string>();
  const load = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const [, from] of readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'/gm)) {
      if (from!.startsWith('.')) load(resolve(dirname(file), from!));
      else if (!from!.startsWith('node:')) packages.add(from!);
    }
  };
  load(join(projectRoot, 'dist', 'src', 'cli.js'));
  assert.ok(loaded.size > 10, 'the files of cli/ are read');
  assert.deepEqual([...packages], ['commander']);
});
