import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { promisify } from 'node:util';
import * as api from '../../src/api/index.js';
import { projectRoot, TYPESCRIPT } from '../fixtures.js';

const run = promisify(execFile);
const document = readFileSync(join(projectRoot, 'docs', 'api.md'), 'utf8');
const examples = [...document.matchAll(/^```js\n(.*?)^```$/gms)].map((match) => match[1]!);

/** A folder in which `llavahr` is installed by a link. */
const folder = await mkdtemp(join(tmpdir(), 'llavahr-api-'));
after(() => rm(folder, { recursive: true }));
await mkdir(join(folder, 'node_modules'));
await symlink(projectRoot, join(folder, 'node_modules', 'llavahr'));
await symlink(join(projectRoot, 'node_modules', '@types'), join(folder, 'node_modules', '@types'));
const env = { ...process.env, LLAVAHR_CACHE: join(folder, 'cache') };

test('the examples of docs/api.md run as they are', async () => {
  const outputs: string[] = [];
  for (const [i, example] of examples.entries()) {
    await writeFile(join(folder, `example-${i}.mjs`), example);
    const { stdout, stderr } = await run(process.execPath, [`example-${i}.mjs`], { cwd: folder, env });
    assert.equal(stderr, '');
    outputs.push(stdout);
  }
  assert.equal(outputs.length, 3);
  assert.match(outputs[0]!, /^accuracy \d/);
  assert.match(outputs[1]!, /^8 of 8$[\s\S]*results\/pope-llava-hr-tiny/m);
  assert.match(outputs[2]!, /^llava-hr-tiny [\s\S]*results\/pope-llava-1\.5-tiny\S* complete/m);
});

test('the examples have the types that the package declares', async () => {
  // `comparison` may be undefined under noUncheckedIndexedAccess, which `strict` does not turn on.
  for (const [i, example] of examples.entries()) {
    const typed = example.replace('const folders = [];', 'const folders: string[] = [];');
    const text = typed.replace('scores[headline], intervals[headline]', 'scores[headline!], intervals[headline!]');
    await writeFile(join(folder, `example-${i}.mts`), text);
  }
  const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, noEmit: true, types: ['node'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
  const { stdout } = await run(process.execPath, [TYPESCRIPT, '-p', '.'], { cwd: folder }).catch(
    (error) => error as { stdout: string },
  );
  assert.equal(stdout, '');
});

test('docs/api.md lists every export', () => {
  const listed = [...document.matchAll(/^\| `(\w+)/gm)].map((match) => match[1]!);
  assert.deepEqual(listed.sort(), Object.keys(api).sort());
});

test('answers that do not fit the benchmark, and splits that are scored elsewhere, are refused', async () => {
  const benchmark = await api.loadBenchmark('textvqa', { images: false });
  assert.throws(() => api.scoreAnswers(benchmark, ['one']), {
    name: 'UserError',
    message: 'textvqa val has 48 questions, but there are 1 answers.',
  });
  await assert.rejects(api.loadBenchmark('textvqa', { split: 'none' }), { name: 'UserError' });
  await assert.rejects(api.loadBenchmark('unknown'), { name: 'UserError', message: /unknown/ });
});

test('an aborted evaluation is rejected with the reason, and the next call finishes it', async () => {
  const model = await api.openModel({ device: 'cpu' });
  const benchmark = await api.loadBenchmark('textvqa', { limit: 8 });
  const output = join(folder, 'aborted');
  try {
    assert.deepEqual([model.name, model.resolution], ['llava-hr-tiny', 256]);
    const controller = new AbortController();
    const reason = new Error('enough');
    const onProgress = () => controller.abort(reason);
    const options = { output, batchSize: 1, signal: controller.signal, onProgress };
    await assert.rejects(api.evaluate(model, benchmark, options), reason);
    const { metrics } = await api.evaluate(model, benchmark, { output });
    assert.deepEqual([metrics.n, metrics.failed], [8, 0]);
  } finally {
    await benchmark.images.close();
    await model.close();
  }
});

test('a task file is a benchmark, and its runs know where it is', async () => {
  const task = join(folder, 'signs', 'task.json');
  await run(process.execPath, [join(projectRoot, 'bin', 'llavahr'), 'task', 'init', join(folder, 'signs')], { env });
  const model = await api.openModel({ device: 'cpu', resolution: 128 });
  const benchmark = await api.loadBenchmark(task, { limit: 2 });
  try {
    assert.equal(benchmark.folder, join(folder, 'signs'));
    const { folder: made } = await api.evaluate(model, benchmark, { output: join(folder, 'of-a-task') });
    const { record } = await api.loadRun(made);
    assert.equal(record.sessions[0]!.settings['taskFile'], task);
  } finally {
    await benchmark.images.close();
    await model.close();
  }
});
