import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import test, { after } from 'node:test';
import { projectRoot } from '../fixtures.js';
import { llavahr, readLines, resultFolder, start, testFolder, waitForLines } from './cli.js';
import { publishedJson } from './json-schemas.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

const SAMPLE = join(projectRoot, 'sample', 'benchmarks', 'textvqa');
const answersOf = (run: string): (string | null)[] => readLines(run).map(({ text }) => text);

/** An undisturbed run of the embedded default, which every other run must equal. */
const undisturbed = join(folder, 'undisturbed');
const first = await llavahr(folder, 'eval', 'textvqa', '--output', undisturbed);
const expected = answersOf(await resultFolder(undisturbed));

test('the embedded default answers, scores and prints a table', async () => {
  assert.equal(first.code, 0, first.stderr);
  const run = await resultFolder(undisturbed);
  assert.deepEqual((await readdir(run)).sort(), [
    ...[
      'batches.jsonl',
      'images.jsonl',
      'latency.json',
      'metrics.json',
      'predictions.jsonl',
      'question-scores.json',
      'references.json',
    ],
    'run.json',
  ]);
  assert.equal(expected.length, 48);
  const metrics = JSON.parse(readFileSync(join(run, 'metrics.json'), 'utf8'));
  assert.ok(metrics.scores.accuracy > 50, `accuracy ${metrics.scores.accuracy}`);
  assert.match(first.stdout, new RegExp(`accuracy \\(%\\) +${metrics.scores.accuracy.toFixed(0)}`));
  assert.match(first.stdout, /questions\/s, end to end +\d/);
  assert.match(first.stderr, /48\/48/);
  const latency = JSON.parse(readFileSync(join(run, 'latency.json'), 'utf8'));
  assert.ok(latency.stages.visionMsPerImage.p50 > 0 && latency.stages.prefillMsPerQuestion.p50 > 0);
});

test('README.md shows what is printed, but for times', {
  skip: /on cpu/.test(first.stdout) ? false : 'not on the CPU',
}, async () => {
  const shape = (text: string): string => text.replace(/\s+/g, ' ').replace(/ \d+(\.\d+)?(?= |$)/g, ' 0');
  const readme = await readFile(join(projectRoot, 'README.md'), 'utf8');
  const run = basename(await resultFolder(undisturbed));
  assert.ok(readme.includes(`\n    results/${run}\n`), `README.md names the folder of another run than ${run}`);
  const lines = first.stdout.split('\n').filter((line) => !/^(|energy.*|power.*)$/.test(line) && !line.endsWith(run));
  assert.deepEqual(
    lines.filter((line) => !shape(readme).includes(shape(line))),
    [],
  );
});

test('rerunning a complete run does nothing and says so; --fresh keeps the earlier folder', async () => {
  const again = await llavahr(folder, 'eval', 'textvqa', '--output', undisturbed);
  assert.equal(again.code, 0);
  assert.match(again.stderr, /already complete\. Use --fresh/);
  assert.equal(again.stdout, first.stdout);

  const output = join(folder, 'fresh');
  await cp(undisturbed, output, { recursive: true });
  const fresh = await llavahr(folder, 'eval', 'textvqa', '--output', output, '--fresh', '--json');
  assert.equal(fresh.code, 0, fresh.stderr);
  const names = (await readdir(output)).sort();
  assert.equal(names.length, 2);
  assert.equal(names[1], `${names[0]}.1`);
  assert.deepEqual(answersOf(join(output, names[0]!)), expected);
  assert.equal(publishedJson('eval', fresh.stdout).runs[0].metrics.n, 48);
});

test('answers do not depend on batch size or packing', async () => {
  for (const batchSize of ['1', '5']) {
    const output = join(folder, `batch-${batchSize}`);
    const { code } = await llavahr(folder, 'eval', 'textvqa', '--output', output, '--batch-size', batchSize);
    assert.equal(code, 0);
    assert.deepEqual(answersOf(await resultFolder(output)), expected);
  }
});

test('a run that is killed repeatedly ends with the same answers', async () => {
  const output = join(folder, 'killed');
  const args = ['eval', 'textvqa', '--output', output, '--batch-size', '1'];
  for (const lines of [1, 9, 20, 33]) {
    const running = start(folder, args);
    await waitForLines(output, lines);
    running.process.kill('SIGKILL');
    assert.equal((await running.result).signal, 'SIGKILL');
  }
  const last = await llavahr(folder, ...args);
  assert.equal(last.code, 0, last.stderr);
  assert.match(last.stderr, /Resuming/);
  const run = await resultFolder(output);
  assert.deepEqual(answersOf(run), expected);
  assert.deepEqual(
    readLines(run).map(({ index }) => index),
    expected.map((_, index) => index),
    'none lost, none duplicated',
  );
  assert.equal(JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')).sessions.length, 5);
});

test('a run that is resumed with other software than it was begun with says so', async () => {
  const output = join(folder, 'other-version');
  await cp(undisturbed, output, { recursive: true });
  const path = join(await resultFolder(output), 'run.json');
  const record = JSON.parse(readFileSync(path, 'utf8'));
  record.state = 'interrupted';
  record.sessions[0].software.onnxruntime = '1.1.0';
  await writeFile(path, JSON.stringify(record));
  const { code, stderr } = await llavahr(folder, 'eval', 'textvqa', '--output', output);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /It has answers of onnxruntime 1\.1\.0, and this is \d\S+: answers may differ between versions\. /,
  );
});

test('a damaged line of predictions.jsonl is reported and its question asked again', async () => {
  const output = join(folder, 'damaged');
  await cp(undisturbed, output, { recursive: true });
  const run = await resultFolder(output);
  const path = join(run, 'predictions.jsonl');
  const lines = readFileSync(path, 'utf8').split('\n');
  lines[20] = lines[20]!.replace('"text":"', '"text":"not ');
  await writeFile(path, lines.join('\n'));
  const { code, stderr } = await llavahr(folder, 'eval', 'textvqa', '--output', output);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /predictions\.jsonl: 1 damaged line: line 21 \(its checksum is wrong\)\. Their questions are asked again/,
  );
  assert.deepEqual(answersOf(run), expected);
});

test('Ctrl-C stops after the current batch, says how to resume and exits with 130', async () => {
  const output = join(folder, 'interrupted');
  const args = ['eval', 'textvqa', '--output', output, '--batch-size', '1'];
  const running = start(folder, args);
  await waitForLines(output, 3);
  running.process.kill('SIGINT');
  const stopped = await running.result;
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.equal(stopped.stdout, '');
  assert.match(stopped.stderr, /Interrupted: \d+ of 48 answers are in .*Rerun the same command to resume/);
  assert.equal(JSON.parse(readFileSync(join(await resultFolder(output), 'run.json'), 'utf8')).state, 'interrupted');
  assert.equal((await llavahr(folder, ...args)).code, 0);
  assert.deepEqual(answersOf(await resultFolder(output)), expected);
});

test('only questions about a missing or broken image fail; they are counted and retried', async () => {
  const data = join(folder, 'data');
  const output = join(folder, 'broken-images');
  await cp(SAMPLE, data, { recursive: true });
  const images = (await readdir(join(data, 'train_images'))).sort();
  const [missing, broken] = images.map((name) => join(data, 'train_images', name));
  await rename(missing!, `${missing}.aside`);
  const whole = readFileSync(broken!);
  await writeFile(broken!, whole.subarray(0, 300));

  const args = ['eval', 'textvqa', '--data', data, '--output', output];
  const { code, stdout, stderr } = await llavahr(folder, ...args);
  assert.equal(code, 3, stderr);
  const failed = readLines(await resultFolder(output)).filter(({ text }) => text === null);
  assert.deepEqual(new Set(failed.map(({ error }) => error?.code)), new Set(['image-missing', 'image-unreadable']));
  assert.match(stdout, new RegExp(`${48 - failed.length} answered, ${failed.length} failed`));
  assert.match(stdout, /\(counted as wrong\)/);
  assert.match(stderr, /\d+ of 48 questions failed:\n {2}\d+ image-\w+, .*question \w+: .*\.jpg/);
  assert.match(stderr, /\nOnce their images are there and intact, the same command asks them again\./);
  assert.match(stdout, /Note: failed: \d+ image-missing, .*question \w+: .*\.jpg does not exist/);

  const fast = await llavahr(folder, ...args.slice(0, -1), join(folder, 'fail-fast'), '--fail-fast');
  assert.equal(fast.code, 1);
  assert.match(fast.stderr, /failed \(image-\w+: .*\)\. Stopped because of --fail-fast/);
  assert.ok(readLines(await resultFolder(join(folder, 'fail-fast'))).some(({ text }) => text === null));

  await rename(`${missing}.aside`, missing!);
  await writeFile(broken!, whole);
  assert.equal((await llavahr(folder, ...args)).code, 0);
  assert.deepEqual(answersOf(await resultFolder(output)), expected);
});

/** Models that are not embedded are asked the benchmark itself, unless told otherwise. */
const SAMPLE_DATA = ['--data', join(projectRoot, 'sample', 'benchmarks', 'textvqa')];

test('a prompt longer than the context fails alone and says by how much', async () => {
  const checkpoint = join(folder, 'short-context');
  await cp(join(projectRoot, 'sample', 'models', 'llava-hr-tiny'), checkpoint, { recursive: true });
  const config = JSON.parse(readFileSync(join(checkpoint, 'config.json'), 'utf8'));
  // 64 visual tokens and 55 to 64 of text: some prompts fit, some do not.
  await writeFile(join(checkpoint, 'config.json'), JSON.stringify({ ...config, max_position_embeddings: 122 }));
  const output = join(folder, 'too-long');
  const { code } = await llavahr(folder, 'eval', 'textvqa', '--model', checkpoint, ...SAMPLE_DATA, '--output', output);
  assert.equal(code, 3);
  const lines = readLines(await resultFolder(output));
  const failed = lines.filter(({ text }) => text === null);
  assert.ok(failed.length > 0 && failed.length < lines.length, `${failed.length} failed`);
  for (const { error } of failed) {
    assert.equal(error?.code, 'prompt-too-long');
    assert.match(error.message, /the prompt has \d+ tokens \(64 of them visual\), but the model's context holds 122/);
  }
});

test('an embedded model is taken, and asked the embedded sample, by its name', async () => {
  const args = [
    '--model',
    'llava-1.5-tiny',
    '--limit',
    '2',
    '--offline',
    '--output',
    join(folder, 'by-name'),
    '--json',
  ];
  const { code, stdout, stderr } = await llavahr(folder, 'eval', 'textvqa', ...args);
  assert.equal(code, 0, stderr);
  assert.equal(publishedJson('eval', stdout).runs[0].record.identity.model.name, 'llava-1.5-tiny');
});

test('an exported model and its checkpoint give the same answers', async () => {
  const model = join(folder, 'exported');
  const checkpoint = join(projectRoot, 'sample', 'models', 'llava-hr-tiny');
  const exported = await llavahr(folder, 'export', checkpoint, '--output', model);
  assert.equal(exported.code, 0, exported.stderr);
  assert.equal(exported.stdout.trim(), model);
  const output = join(folder, 'from-export');
  assert.equal(
    (await llavahr(folder, 'eval', 'textvqa', '--model', model, ...SAMPLE_DATA, '--output', output)).code,
    0,
  );
  assert.deepEqual(answersOf(await resultFolder(output)), expected);
  const again = await llavahr(folder, 'export', checkpoint, '--output', model, '--json');
  assert.match(again.stderr, /already exported, nothing to do/);
  const { notes, ...about } = publishedJson('export', again.stdout);
  assert.match(notes[0], /tensors that the model never uses/);
  assert.deepEqual(about, {
    schemaVersion: 1,
    folder: model,
    model: 'llava-hr-tiny',
    precision: 'fp32',
    outcome: 'unchanged',
    resolutions: [{ resolution: 256, visualTokens: 64 }],
  });
});

test('a model of the catalogue and its benchmark are downloaded, which --offline forbids', async () => {
  const env = { HF_HUB_CACHE: join(folder, 'hub'), LLAVAHR_DATA: join(folder, 'data') };
  Object.assign(process.env, env);
  try {
    const named = await llavahr(folder, 'eval', 'textvqa', '--model', 'llava-hr-7b', '--offline');
    assert.equal(named.code, 1);
    assert.match(
      named.stderr,
      /--offline forbids network access, and favor123\/llava-hr-7b-sft-1024 \(main\) is not in/,
    );
    const checkpoint = join(folder, 'own-model');
    await cp(join(projectRoot, 'sample', 'models', 'llava-hr-tiny'), checkpoint, { recursive: true });
    const own = await llavahr(folder, 'eval', 'textvqa', '--model', checkpoint, '--offline');
    assert.equal(own.code, 1);
    assert.match(own.stderr, /--offline forbids network access; needed: https:.*TextVQA_0\.5\.1_val\.json/);
    const { code, stderr } = await llavahr(folder, 'download', 'textvqa', '--offline', '--dir', join(folder, 'data'));
    assert.equal(code, 1);
    assert.match(stderr, /^textvqa val \(licence: .*CC BY 4\.0/);
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
  }
});

test('download says what it would fetch, and from where', async () => {
  const { code, stdout } = await llavahr(folder, 'download', 'textvqa', '--dry-run');
  assert.equal(code, 0);
  assert.match(stdout, /TextVQA_0\.5\.1_val\.json +3\.1 MB +\[1\]\n/);
  assert.match(
    stdout,
    /train_images\/ +of 7\.1 GB +\[(\d)\]\n[\s\S]*^\[\1\] https:.*train_val_images\.zip \(members\)$/m,
  );
  assert.match(stdout, /^\[1\] https:\/\/dl\.fbaipublicfiles\.com.*_val\.json$/m);
  assert.match(stdout, /^Total:\n {2}textvqa val: .* MB, the images used of 7\.1 GB, to \/.*data\/textvqa$/m);
  const dryRun = await llavahr(folder, 'download', 'textvqa', '--dry-run', '--json');
  const [benchmark] = publishedJson('download', dryRun.stdout).benchmarks;
  assert.equal(benchmark.split, 'val');
  const images = benchmark.items.find(({ what }: { what: string }) => what === 'train_images/');
  assert.ok(images.inPart && images.bytes > 7e9);
  assert.equal(benchmark.folder, join(process.env['LLAVAHR_DATA'] ?? join(folder, 'cache', 'data'), 'textvqa'));
  const update = await llavahr(folder, 'download', 'textvqa', '--dry-run', '--update');
  assert.match(update.stderr, /leave out --update/);
  assert.equal(update.code, 2);
  assert.equal((await llavahr(folder, 'download', 'textvqa', 'pope')).code, 2);
  assert.equal((await llavahr(folder, 'download', 'model', 'gpt-4')).code, 2);
});

test('usage errors exit with 2 and say what is allowed', async () => {
  const cases: [string[], RegExp][] = [
    [['eval', 'vqa9'], /Unknown benchmark "vqa9"\. Did you mean vqav2\? Available: vqav2, .*mmvet/],
    [['eval', 'textvqa', '--device', 'tpu'], /--device must be auto, cpu, cuda, cuda:N or webgpu, got "tpu"/],
    [
      ['eval', 'textvqa', '--device', 'cpu', '--devices', 'cpu:2'],
      /'--devices <list>' cannot be used with option '--device/,
    ],
    [['eval', 'textvqa', '--batch-size', '0'], /auto or an integer/],
    [['eval', 'textvqa', '--resolution', '250'], /Resolution 250 gives/],
    [
      ['eval', 'textvqa', '--model', join(folder, 'nothing')],
      /nothing: neither a folder nor a known name\. Known names: llava-hr-tiny, llava-1\.5-tiny, llava-hr-7b, /,
    ],
    [['eval', 'textvqa', '--model', folder], /neither an exported model .* nor a checkpoint/],
    [['eval', 'textvqa', 'mme'], /Separate several benchmarks with commas, without spaces: llavahr eval textvqa,mme/],
    [['download', 'llava-hr-7b'], /llava-hr-7b is a model, not a benchmark: llavahr download model llava-hr-7b/],
    [['eval', 'textvqa', '--sise', '1'], /unknown option '--sise'/],
    [['eval'], /missing required argument 'benchmarks'/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await llavahr(folder, ...args);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, message);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\n {4}at /, 'no stack trace');
  }
});

test('missing files and unusable devices exit with 1 and say what to do', async () => {
  const nothing = await llavahr(folder, 'eval', 'textvqa', '--data', join(folder, 'nothing'), '--precision', 'fp16');
  assert.equal(nothing.code, 1);
  assert.match(nothing.stderr, /^error: --data .*nothing does not exist\.$/m);
  assert.doesNotMatch(nothing.stderr, /Exporting/);
  const data = await llavahr(folder, 'eval', 'textvqa', '--data', folder);
  assert.equal(data.code, 1);
  assert.match(data.stderr, /TextVQA_0\.5\.1_val\.json/);
  const checkpoint = await llavahr(folder, 'export', join(folder, 'nothing'));
  assert.equal(checkpoint.code, 1);
  assert.match(checkpoint.stderr, /nothing does not exist\. Give the folder of a checkpoint/);
  const output = join(folder, 'cuda');
  const unused = ['--precision', 'fp16', '--output', output]; // not exported yet
  const cuda = await llavahr(folder, 'eval', 'textvqa', '--device', 'cuda', ...unused);
  if (!existsSync('/dev/nvidiactl')) {
    assert.equal(cuda.code, 1);
    assert.match(cuda.stderr, /ONNX Runtime's CUDA library is not installed.*setup-cuda|cannot be used|not found/);
    assert.doesNotMatch(cuda.stderr, /Exporting/);
    assert.ok(!existsSync(output));
  }
});

test('a second run on a folder in use is rejected', async () => {
  const output = join(folder, 'twice');
  const args = ['eval', 'textvqa', '--output', output, '--batch-size', '1'];
  const running = start(folder, args);
  await waitForLines(output, 1);
  running.process.kill('SIGSTOP'); // or it might finish before the second starts
  const second = await llavahr(folder, ...args).finally(() => running.process.kill('SIGCONT'));
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`in use by another run \\(process ${running.process.pid}`));
  assert.equal((await running.result).code, 0);
});
