import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { openRandomModel } from '../src/evaluation/random-model.js';
import { type Inference, startInference } from '../src/model/inference/inference.js';
import { IMAGE_TOKEN } from '../src/model/prompt.js';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';
import { HR_7B_TWO_LAYERS, MID_SIZE } from './architectures.js';
import { comparingVal } from './compare-scale.js';
import { largeFile, zipMembers } from './downloads.js';
import { evaluationCosts } from './evaluation-costs.js';
import { parquetProcess } from './parquet-process.js';
import { quantisedLayer } from './quantised-layer.js';
import { reportPage } from './report-page.js';
import { measureIdle, measureWorkers } from './sample-runs.js';
import { withFolder } from './temporary-folder.js';
import { readingTestDev, scoringVal } from './vqa-scale.js';

/*
 * `npm run bench [name ...]`: measures ratios within one run, which are comparable between machines, and times for
 * files of VQAv2's size. The comparison with PyTorch needs a Python with torch, set LLAVAHR_PYTHON.
 */

const CPU = { provider: 'cpu', index: 0 } as const;
const NEW_TOKENS = 10;

const benchmarks: Record<string, () => Promise<string>> = {
  'packed questions': packedQuestions,
  'one question against PyTorch': againstPyTorch,
  'model idle on the sample': measureIdle,
  'two CPU workers': measureWorkers,
  'quantised layer': quantisedLayer,
  'start of --help': helpStart,
  'Parquet images from a separate process': parquetProcess,
  'reading VQAv2 test-dev': readingTestDev,
  'scoring VQAv2 val': scoringVal,
  'comparing two runs of VQAv2 val': comparingVal,
  'download of a large file': largeFile,
  'download of zip members': zipMembers,
  'report page of 10,000 samples': reportPage,
  'estimated costs of a full evaluation': evaluationCosts,
};

console.log(`${cpus()[0]!.model}, ${availableParallelism()} cores`);
const wanted = process.argv.slice(2);
for (const [name, measure] of Object.entries(benchmarks)) {
  if (wanted.length === 0 || wanted.some((part) => name.includes(part))) console.log(`${name}: ${await measure()}`);
}

/** 16 questions about one image in one row, compared with one run per question. The prefix has about 610 tokens. */
async function packedQuestions(): Promise<string> {
  return withFolder(async (folder) => {
    const model = await openRandomModel({
      name: 'mid-size',
      architecture: MID_SIZE,
      precision: 'fp32',
      folder: join(folder, 'model'),
    });
    const inference = await startInference(model, CPU);
    const questions = Array.from({ length: 16 }, (_, q) => promptIds(35, 16, q * 100));
    const packed = async () => generateMs(inference, 336, [questions]);
    const single = async () => {
      let total = 0;
      for (const question of questions) total += await generateMs(inference, 336, [[question]]);
      return total;
    };
    await packed();
    const ratios: number[] = [];
    for (let i = 0; i < 3; i++) ratios.push((await single()) / (await packed()));
    await inference.close();
    return `${median(ratios).toFixed(1)} times faster than one by one (target: at least 8)`;
  });
}

/** The same computation in PyTorch fp32 on the same cores, alternating. */
async function againstPyTorch(): Promise<string> {
  const python = process.env['LLAVAHR_PYTHON'];
  if (!python) return 'skipped; set LLAVAHR_PYTHON to a Python with torch';
  return withFolder(async (folder) => {
    const model = await openRandomModel({
      name: 'two-layers',
      architecture: HR_7B_TWO_LAYERS,
      precision: 'fp32',
      folder: join(folder, 'model'),
    });
    const threads = availableParallelism();
    const inference = await startInference(model, CPU, threads);
    const torch = spawn(python, [join(PACKAGE_ROOT, 'bench', 'pytorch_reference.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: torch.stdout })[Symbol.asyncIterator]();
    const spec = {
      architecture: HR_7B_TWO_LAYERS,
      resolution: 1024,
      threads,
      tokensBefore: 35,
      tokensAfter: 30,
      newTokens: NEW_TOKENS,
    };
    torch.stdin.write(`${JSON.stringify(spec)}\n`);
    await lines.next();
    const rounds: { vision: number; language: number }[] = [];
    for (let i = 0; i < 4; i++) {
      const ours = await inference.run({
        pixels: new Uint8Array(1024 * 1024 * 3).map((_, at) => at % 251),
        rows: [{ image: 0, prompts: [promptIds(35, 30, 0)] }],
        maxNewTokens: NEW_TOKENS,
        timePrefill: false,
      });
      torch.stdin.write('run\n');
      const theirs = JSON.parse((await lines.next()).value as string) as { visionMs: number; totalMs: number };
      rounds.push({
        vision: ours.visionMs / theirs.visionMs,
        language: ours.generateMs / (theirs.totalMs - theirs.visionMs),
      });
    }
    torch.stdin.end();
    await inference.close();
    const measured = rounds.slice(1);
    const [vision, language] = (['vision', 'language'] as const).map((part) => median(measured.map((r) => r[part])));
    return (
      `vision takes ${vision!.toFixed(2)} of PyTorch's time, prefill and ${NEW_TOKENS} tokens through two layers ` +
      `${language!.toFixed(2)} (target: at most 1.0)`
    );
  });
}

async function helpStart(): Promise<string> {
  const times = Array.from({ length: 10 }, () => {
    const start = performance.now();
    spawnSync(process.execPath, [join(PACKAGE_ROOT, 'bin', 'llavahr'), '--help']);
    return performance.now() - start;
  });
  const bare = Array.from({ length: 10 }, () => {
    const start = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    return performance.now() - start;
  });
  return `${median(times).toFixed(0)} ms, Node.js alone ${median(bare).toFixed(0)} ms (target: under 150 ms)`;
}

/** A prompt of arbitrary ids: `before` tokens, the image, `after` tokens of which the last ones differ by `seed`. */
function promptIds(before: number, after: number, seed: number): number[] {
  const tail = Array.from({ length: after }, (_, i) => 3 + ((seed + i * 7) % 30000));
  return [...Array.from({ length: before }, (_, i) => 3 + i), IMAGE_TOKEN, ...tail];
}

async function generateMs(inference: Inference, resolution: number, rows: number[][][]): Promise<number> {
  const result = await inference.run({
    pixels: new Uint8Array(rows.length * resolution * resolution * 3),
    rows: rows.map((prompts, image) => ({ image, prompts })),
    maxNewTokens: NEW_TOKENS,
    timePrefill: false,
  });
  return result.generateMs;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
