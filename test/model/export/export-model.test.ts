import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { Checkpoint } from '../../../src/model/checkpoint/checkpoint.js';
import { randomCheckpoint } from '../../../src/model/checkpoint/random-checkpoint.js';
import { requiredTensors } from '../../../src/model/checkpoint/required-tensors.js';
import { exportCheckpoint, exportModel } from '../../../src/model/export/export-model.js';
import { startInference } from '../../../src/model/inference/inference.js';
import { openModel, readManifest } from '../../../src/model/model-folder.js';
import { fixture } from '../../fixtures.js';
import { SMALL_HR } from '../small-architecture.js';

const CHECKPOINT = fixture('reference', 'hr-mini');

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-export-'));
  await use(folder).finally(() => rm(folder, { recursive: true }));
}

test('exports weights, graphs, tokenizer and a readable manifest', () =>
  withFolder(async (folder) => {
    const output = join(folder, 'model');
    const stages = new Set<string>();
    const { outcome, manifest, writtenBytes } = await exportModel(CHECKPOINT, {
      output,
      resolutions: [128, 256],
      precision: 'fp32',
      onProgress: ({ stage, doneBytes, totalBytes }) => {
        assert.ok(doneBytes <= totalBytes);
        stages.add(stage);
      },
    });
    assert.equal(outcome, 'exported');
    assert.deepEqual([...stages], ['hashing', 'writing']);
    assert.deepEqual((await readdir(output)).sort(), [
      ...['generate.cuda.onnx', 'generate.onnx', 'generate.portable.onnx', 'language.weights', 'model.json'],
      'special_tokens_map.json',
      ...['tokenizer.model', 'tokenizer_config.json', 'vision-128.onnx', 'vision-128.portable.onnx'],
      ...['vision-256.onnx', 'vision-256.portable.onnx', 'vision.weights'],
    ]);
    assert.deepEqual(await readdir(folder), ['model'], 'no temporary files are left');
    assert.deepEqual(await readManifest(output), manifest);
    assert.equal(manifest.name, 'hr-mini');
    assert.deepEqual(manifest.resolutions, [
      { resolution: 128, visualTokens: 64, graph: 'vision-128.onnx' },
      { resolution: 256, visualTokens: 64, graph: 'vision-256.onnx' },
    ]);
    assert.equal(
      writtenBytes,
      manifest.weights.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    assert.equal((await openModel(output)).vision.resolution, 256, 'the trained size is the default');
  }));

test('repeating an export changes nothing; a new resolution adds a graph without touching the weights', () =>
  withFolder(async (folder) => {
    const output = join(folder, 'model');
    const options = { output, resolutions: [256], precision: 'fp32' } as const;
    await exportModel(CHECKPOINT, options);
    const written = await stat(join(output, 'vision.weights'));
    const graph = await stat(join(output, 'vision-256.onnx'));

    assert.equal((await exportModel(CHECKPOINT, options)).outcome, 'unchanged');
    assert.equal((await stat(join(output, 'vision-256.onnx'))).mtimeMs, graph.mtimeMs);

    const { outcome, manifest } = await exportModel(CHECKPOINT, { ...options, resolutions: [512] });
    assert.equal(outcome, 'extended');
    assert.deepEqual(
      manifest.resolutions.map(({ resolution }) => resolution),
      [256, 512],
    );
    assert.equal((await stat(join(output, 'vision.weights'))).mtimeMs, written.mtimeMs);
  }));

test('a copy of the checkpoint with different file times is the same model', () =>
  withFolder(async (folder) => {
    const copy = join(folder, 'hr-mini');
    await cp(CHECKPOINT, copy, { recursive: true });
    const options = { output: join(folder, 'model'), resolutions: [], precision: 'fp32' } as const;
    await exportModel(copy, options);
    await utimes(join(copy, 'model.safetensors'), new Date(), new Date(Date.now() + 5000));
    assert.equal((await exportModel(copy, options)).outcome, 'unchanged');
  }));

test('refuses an output folder with another model, another precision or other files', () =>
  withFolder(async (folder) => {
    const output = join(folder, 'model');
    const options = { output, resolutions: [], precision: 'fp32' } as const;
    await exportModel(CHECKPOINT, options);
    await assert.rejects(
      exportModel(CHECKPOINT, { ...options, precision: 'fp16' }),
      /contains a model in fp32, not fp16/,
    );
    await assert.rejects(
      exportModel(fixture('reference', 'l15-mini'), options),
      /exported from a different checkpoint/,
    );
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await assert.rejects(
      exportModel(CHECKPOINT, { ...options, output: folder }),
      /exists but is not an exported model/,
    );
    assert.equal(await readFile(join(folder, 'notes.txt'), 'utf8'), 'mine');
  }));

test('replaces another model when `replace` is set', () =>
  withFolder(async (folder) => {
    const output = join(folder, 'model');
    await exportModel(CHECKPOINT, { output, resolutions: [], precision: 'fp32' });
    const options = { output, resolutions: [], precision: 'fp32', replace: true } as const;
    const { manifest } = await exportModel(fixture('reference', 'l15-mini'), options);
    assert.equal(manifest.architecture.family, 'llava-1.5');
  }));

test('an unsupported resolution fails before anything is written', () =>
  withFolder(async (folder) => {
    const options = { output: join(folder, 'model'), resolutions: [256, 224], precision: 'fp32' } as const;
    await assert.rejects(exportModel(CHECKPOINT, options), /Resolution 224 gives 49 cells/);
    assert.deepEqual(await readdir(folder), []);
  }));

test('a damaged model.json gives an error that names the problem', () =>
  withFolder(async (folder) => {
    await exportModel(CHECKPOINT, { output: join(folder, 'model'), resolutions: [], precision: 'fp32' });
    const path = join(folder, 'model', 'model.json');
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...manifest, precision: 'fp8' }));
    await assert.rejects(openModel(join(folder, 'model')), /model\.json: precision must be equal to one of/);
    for (const name of ['../../etc/passwd', '/etc/passwd', '..', '.', 'a/b', 'a\\b', 'a\0', '']) {
      const weights = [{ ...manifest.weights[0], name }];
      await writeFile(path, JSON.stringify({ ...manifest, weights }));
      await assert.rejects(openModel(join(folder, 'model')), /model\.json: weights\.0\.name must match pattern/);
      await writeFile(
        path,
        JSON.stringify({ ...manifest, resolutions: [{ ...manifest.resolutions[0], graph: name }] }),
      );
      await assert.rejects(openModel(join(folder, 'model')), /model\.json: resolutions\.0\.graph must match pattern/);
    }
    await writeFile(path, '{');
    await assert.rejects(openModel(join(folder, 'model')), /model\.json is not JSON/);
  }));

test('a quantised model is smaller, has no graphs for other devices, and runs on the CPU only', () =>
  withFolder(async (folder) => {
    const full = await exportModel(CHECKPOINT, { output: join(folder, 'fp32'), resolutions: [], precision: 'fp32' });
    const output = join(folder, 'int8');
    const { writtenBytes } = await exportModel(CHECKPOINT, { output, resolutions: [], precision: 'int8' });
    assert.ok(writtenBytes < full.writtenBytes);
    assert.ok(!(await readdir(output)).some((name) => /portable|cuda/.test(name)));
    await assert.rejects(
      startInference(await openModel(output), { provider: 'webgpu', index: 0 }),
      /int8 models run on the CPU only, not on webgpu\. Add --device cpu/,
    );
  }));

test('opening a resolution without a graph explains how to add it', () =>
  withFolder(async (folder) => {
    const output = join(folder, 'model');
    await exportModel(CHECKPOINT, { output, resolutions: [], precision: 'fp32' });
    await assert.rejects(openModel(output, 512), /has no graph for resolution 512, only for 256.*--resolution 512/);
  }));

test('an interrupted export resumes with the missing tensors and produces identical files', () =>
  withFolder(async (folder) => {
    const options = { resolutions: [], precision: 'fp32' } as const;
    const source = [{ name: 'recipe', bytes: 1, modifiedMs: 0, sha256: '0'.repeat(64) }];
    const whole = randomCheckpoint(SMALL_HR);
    const undisturbed = await exportCheckpoint(whole, source, { ...options, output: join(folder, 'undisturbed') });

    let reads = 0;
    const counted = (limit: number): Checkpoint => ({
      ...whole,
      read(name) {
        if (reads++ === limit) throw new Error('killed');
        return whole.read(name);
      },
    });
    const output = join(folder, 'model');
    await assert.rejects(exportCheckpoint(counted(120), source, { ...options, output }), /killed/);
    const [name] = await readdir(`${output}.partial`);
    const vision = join(`${output}.partial`, name!, 'vision.weights');
    // As if killed in the middle of a tensor.
    await truncate(vision, (await stat(vision)).size - 1);
    reads = 0;
    const { manifest, writtenBytes } = await exportCheckpoint(counted(1000), source, { ...options, output });
    // Each export reads the position table once more than the others, to check it before anything is written.
    assert.equal(reads, requiredTensors(SMALL_HR).size + 1 - 118);
    assert.equal(writtenBytes, undisturbed.writtenBytes);
    assert.deepEqual(manifest.weights, undisturbed.manifest.weights);
    for (const { name } of manifest.weights) {
      assert.deepEqual(await readFile(join(output, name)), await readFile(join(folder, 'undisturbed', name)));
    }
    assert.deepEqual((await readdir(folder)).sort(), ['model', 'undisturbed']);
  }));

test('leftovers of a different interrupted export are deleted, not resumed', () =>
  withFolder(async (folder) => {
    const output = join(folder, 'model');
    const source = (digit: string) => [{ name: 'recipe', bytes: 1, modifiedMs: 0, sha256: digit.repeat(64) }];
    const whole = randomCheckpoint(SMALL_HR);
    const options = { output, resolutions: [], precision: 'fp32' } as const;
    let reads = 0;
    const failing = (at: number): Checkpoint => ({
      ...whole,
      read: (name) => (reads++ === at ? Promise.reject(new Error('killed')) : whole.read(name)),
    });
    await assert.rejects(exportCheckpoint(failing(20), source('0'), options), /killed/);
    reads = 0;
    await exportCheckpoint(failing(-1), source('1'), options);
    assert.equal(reads, requiredTensors(SMALL_HR).size + 1); // the position table twice
    assert.deepEqual(await readdir(folder), ['model']);
  }));

test('two exports to one folder: the second waits, then finds the model', () =>
  withFolder(async (folder) => {
    const output = join(folder, 'model');
    const waits: string[] = [];
    const onWait = (message: string) => waits.push(message);
    const options = { output, resolutions: [], precision: 'fp32', onWait } as const;
    const results = await Promise.all([exportModel(CHECKPOINT, options), exportModel(CHECKPOINT, options)]);
    assert.deepEqual(results.map(({ outcome }) => outcome).sort(), ['exported', 'unchanged']);
    assert.match(waits.join(), /model\.partial is in use by another run \(process \d+ on .*Waiting for it to end/);
    assert.deepEqual(await readdir(folder), ['model']);
  }));

test("an abandoned export is resumed though its process's number is another's now", () =>
  withFolder(async (folder) => {
    const output = join(folder, 'model');
    const source = [{ name: 'recipe', bytes: 1, modifiedMs: 0, sha256: '0'.repeat(64) }];
    const whole = randomCheckpoint(SMALL_HR);
    const options = { output, resolutions: [], precision: 'fp32' } as const;
    let reads = 0;
    const read = (name: string) => (reads++ === 20 ? Promise.reject(new Error('killed')) : whole.read(name));
    // A killed process leaves its lock, with the number of one that lives.
    let lock = '';
    const onProgress = () => {
      const work = `${output}.partial`;
      const name = readdirSync(work).find((one) => one.startsWith('lock-'));
      lock ||= readFileSync(join(work, name!), 'utf8');
    };
    await assert.rejects(exportCheckpoint({ ...whole, read }, source, { ...options, onProgress }), /killed/);
    const { process: startTime, ...rest } = JSON.parse(lock);
    if (startTime === null) return; // the system does not tell processes apart
    const stale = { ...rest, process: String(Number(startTime) - 1) };
    await writeFile(join(`${output}.partial`, `lock-${'0'.repeat(16)}.json`), JSON.stringify(stale));
    reads = 1000;
    await exportCheckpoint({ ...whole, read }, source, options);
    assert.ok(reads - 1000 < requiredTensors(SMALL_HR).size, 'it was resumed');
    assert.deepEqual(await readdir(folder), ['model']);
  }));

test('an export that was frozen until another took its folder over ends, and leaves the model whole', () =>
  withFolder(async (folder) => {
    const output = join(folder, 'model');
    const source = [{ name: 'recipe', bytes: 1, modifiedMs: 0, sha256: '0'.repeat(64) }];
    const whole = randomCheckpoint(SMALL_HR);
    const options = { resolutions: [], precision: 'fp32' } as const;
    const undisturbed = await exportCheckpoint(whole, source, { ...options, output: join(folder, 'undisturbed') });
    for (const at of [10, 60, 118]) {
      await rm(output, { recursive: true, force: true });
      let reads = 0;
      const freeze = async (name: string) => {
        if (reads++ === at) {
          const work = `${output}.partial`;
          for (const one of await readdir(work)) if (one.startsWith('lock-')) await rm(join(work, one));
          await exportCheckpoint(whole, source, { ...options, output });
        }
        return whole.read(name);
      };
      const frozen = exportCheckpoint({ ...whole, read: freeze }, source, { ...options, output });
      await assert.rejects(frozen, /was taken over by another run/);
      for (const { name } of undisturbed.manifest.weights) {
        assert.deepEqual(await readFile(join(output, name)), await readFile(join(folder, 'undisturbed', name)));
      }
      assert.deepEqual((await readdir(folder)).sort(), ['model', 'undisturbed']);
    }
  }));
