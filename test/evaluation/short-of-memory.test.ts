import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test, { after } from 'node:test';
import { noImages } from '../../src/datasets/no-images.js';
import { checkImages } from '../../src/evaluation/check-images.js';
import { runBenchmark } from '../../src/evaluation/run-benchmark.js';
import { SAMPLE_MODEL, sampleData } from '../../src/evaluation/sample.js';
import { exportModel } from '../../src/model/export/export-model.js';
import { startImageThreads } from '../../src/model/images/image-threads.js';
import type { Inference } from '../../src/model/inference/inference.js';
import { openInferencePool } from '../../src/model/inference/inference-pool.js';
import { startWorkerProcess } from '../../src/model/inference/worker-process.js';
import { openModel } from '../../src/model/model-folder.js';
import { loadTokenizer } from '../../src/model/tokenizer/load-tokenizer.js';
import { openRun } from '../../src/results/runs/run-folder.js';
import { identity } from '../results/samples.js';
import { answererWith } from './answerer-with.js';

const CPU = { provider: 'cpu', index: 0 } as const;
/** What the worker may take beyond what it has: one buffer of 32 images is 67 MB, and 200 MB are short for its batch. */
const ROOM_BYTES = 200e6;
const IMAGES = 32;

const folder = await mkdtemp(join(tmpdir(), 'llavahr-memory-'));
after(() => rm(folder, { recursive: true }));

const canLimit = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0;

test('a worker with a real memory limit gets smaller batches and answers every question', {
  skip: !canLimit && 'needs prlimit',
}, async () => {
  const output = join(folder, 'model');
  await exportModel(SAMPLE_MODEL, { output, resolutions: [256], precision: 'fp32' });
  const model = await openModel(output);
  const tokenizer = await loadTokenizer(output);
  const images = join(sampleData('textvqa'), 'train_images');
  const [name] = await readdir(images);
  const image = await readFile(join(images, name!));

  const worker = await startWorkerProcess(model, CPU, 1);
  await worker.run(oneImage(model.vision.resolution));
  await limitMemory();
  const said: string[] = [];
  const pool = openInferencePool(
    [worker],
    () => startWorkerProcess(model, CPU, 1),
    (line) => said.push(line),
  );
  const imageThreads = startImageThreads(1);
  const opened = await openRun(folder, identity, { argv: [], settings: {} });
  assert.ok(opened.state === 'open');
  const { run } = opened;
  try {
    const text = 'What is written on the sign?';
    const unlimited = Number.POSITIVE_INFINITY;
    const { answerer, shrunkTo: limit } = answererWith({
      sources: { model, tokenizer, convMode: 'vicuna_v1', imageThreads },
      limits: { rows: IMAGES, tokens: unlimited, bytes: unlimited, bytesOf: ({ rows }) => rows },
      inference: async () => pool,
    });
    const outcome = await runBenchmark({
      benchmark: {
        name: 'made-up',
        split: 'test',
        questions: Array.from({ length: IMAGES }, (_, i) => ({ index: i, questionId: i, image: `image ${i}`, text })),
        images: { read: async () => image, stamp: async () => ({ bytes: 1, mark: '' }), close: async () => {} },
        maxNewTokens: 8,
        files: [],
        protocol: {},
        gold: () => null,
        scoreOne: () => null,
        score: () => null,
        submission: () => [],
      },
      answerer,
      images: checkImages({ stamps: new Map(), missing: [], digest: null }, noImages('')),
      onProgress() {},
      run,
      failFast: false,
      signal: new AbortController().signal,
      stream: Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.WriteStream,
    });
    const { finished, answered, failed } = outcome;
    const shrunkTo = limit();
    assert.deepEqual({ finished, answered, failed }, { finished: true, answered: IMAGES, failed: 0 }, said.join('\n'));
    assert.ok(shrunkTo !== null && shrunkTo <= IMAGES / 2, `${shrunkTo}`);
    const lines = (await readFile(join(run.folder, 'predictions.jsonl'), 'utf8')).trim().split('\n');
    assert.equal(new Set(lines.map((line) => JSON.parse(line).text)).size, 1, 'the same question about the same image');
  } finally {
    await run.close('interrupted');
    await pool.close();
    await imageThreads.close();
  }
});

function oneImage(resolution: number): Parameters<Inference['run']>[0] {
  const rows = [{ image: null, prompts: [[1, 2, 3]] }];
  return { pixels: new Uint8Array(resolution ** 2 * 3), rows, maxNewTokens: 1, timePrefill: false };
}

/** Sets the address space of this process's only child to what it has and a little more. */
async function limitMemory(): Promise<void> {
  for (const id of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const status = await readFile(`/proc/${id}/status`, 'latin1').catch(() => '');
    if (Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]) !== process.pid) continue;
    const bytes = Number(/^VmSize:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
    execFileSync('prlimit', ['--pid', id, `--as=${bytes + ROOM_BYTES}`]);
    return;
  }
  assert.fail('there is no worker process');
}
