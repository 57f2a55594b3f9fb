import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { openRandomModel } from '../src/evaluation/random-model.js';
import { type Inference, startInference } from '../src/model/inference/inference.js';
import { startWorkerProcess } from '../src/model/inference/worker-process.js';
import { IMAGE_TOKEN } from '../src/model/prompt.js';
import { RELEASED_ARCHITECTURES } from '../src/model/released-architectures.js';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';
import { HR_7B_TWO_LAYERS, MID_SIZE } from './architectures.js';
import { comparingVal } from './compare-scale.js';
import { decodeStep } from './decode-step.js';
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
  'POPE against PyTorch': popeAgainstPyTorch,
  'model idle on the sample': measureIdle,
  'two CPU workers': measureWorkers,
  'quantised layer': quantisedLayer,
  'step behind a long context': decodeStep,
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
    const torch = await startPyTorch(python, {
      architecture: HR_7B_TWO_LAYERS,
      resolution: 1024,
      threads,
      tokensBefore: 35,
      tokensAfter: 30,
      newTokens: NEW_TOKENS,
    });
    const rounds: { vision: number; language: number }[] = [];
    for (let i = 0; i < 4; i++) {
      const ours = await inference.run({
        pixels: new Uint8Array(1024 * 1024 * 3).map((_, at) => at % 251),
        rows: [{ image: 0, prompts: [promptIds(35, 30, 0)] }],
        maxNewTokens: NEW_TOKENS,
        timePrefill: false,
      });
      const theirs = await torch.time();
      rounds.push({
        vision: ours.visionMs / theirs.visionMs,
        language: ours.generateMs / (theirs.totalMs - theirs.visionMs),
      });
    }
    torch.end();
    await inference.close();
    const measured = rounds.slice(1);
    const [vision, language] = (['vision', 'language'] as const).map((part) => median(measured.map((r) => r[part])));
    return (
      `vision takes ${vision!.toFixed(2)} of PyTorch's time, prefill and ${NEW_TOKENS} tokens through two layers ` +
      `${language!.toFixed(2)} (target: at most 1.0)`
    );
  });
}

/**
 * An image with 18 questions, as POPE has them, through LLaVA-HR-7B in int8, against PyTorch in bf16 with one question at a
 * time, each alone in memory. PyTorch's 18 questions are two, times nine. Answers have two tokens: a word and the end.
 */
async function popeAgainstPyTorch(): Promise<string> {
  const python = process.env['LLAVAHR_PYTHON'];
  if (!python) return 'left out; set LLAVAHR_PYTHON to a Python that has torch';
  const threads = availableParallelism();
  const architecture = RELEASED_ARCHITECTURES['llava-hr-7b'];
  const [questions, newTokens] = [18, 2];
  const model = await openRandomModel({ name: 'llava-hr-7b', architecture, precision: 'int8' });
  const worker = await startWorkerProcess(model, CPU, threads);
  const ask = async (count: number): Promise<{ vision: number; all: number }> => {
    const prompts = Array.from({ length: count }, (_, q) => promptIds(35, 20, q * 100));
    const { visionMs, generateMs } = await worker.run({
      ...{ pixels: new Uint8Array(1024 * 1024 * 3).map((_, at) => at % 251), rows: [{ image: 0, prompts }] },
      ...{ maxNewTokens: newTokens, minSteps: newTokens, timePrefill: false },
    });
    return { vision: visionMs, all: visionMs + generateMs };
  };
  await ask(1); // warms up
  const [one, packed] = [await ask(1), await ask(questions)];
  await worker.close();
  const torch = await startPyTorch(python, {
    ...{ architecture, resolution: 1024, threads, tokensBefore: 35, tokensAfter: 20, newTokens, dtype: 'bfloat16' },
  });
  const theirs = [await torch.time(), await torch.time()];
  torch.end();
  const single = theirs.reduce((sum, { totalMs }) => sum + totalMs, 0) / theirs.length;
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  return (
    `${((questions * single) / packed.all).toFixed(1)} times as fast (target: at least 20): ${questions} questions in ` +
    `${seconds(packed.all)} s (vision ${seconds(packed.vision)} s) against ${seconds(single)} s for each in PyTorch bf16 ` +
    `(vision ${seconds(theirs[1]!.visionMs)} s). Asked one by one in int8: ${(single / one.all).toFixed(1)} times as fast; ` +
    `sharing the prefix: ${((questions * one.all) / packed.all).toFixed(1)} times`
  );
}

/** bench/pytorch_reference.py with a model of the given dimensions. */
async function startPyTorch(python: string, spec: object) {
  const torch = spawn(python, [join(PACKAGE_ROOT, 'bench', 'pytorch_reference.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: torch.stdout })[Symbol.asyncIterator]();
  torch.stdin.write(`${JSON.stringify(spec)}\n`);
  await lines.next();
  return {
    async time(): Promise<{ visionMs: number; totalMs: number }> {
      torch.stdin.write('run\n');
      return JSON.parse((await lines.next()).value as string) as { visionMs: number; totalMs: number };
    },
    end: () => torch.stdin.end(),
  };
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
