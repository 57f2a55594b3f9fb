import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { median } from 'simple-statistics';
import { openRandomModel } from '../src/evaluation/random-model.js';
import { startWorkerProcess } from '../src/model/inference/worker-process.js';
import { RELEASED_ARCHITECTURES } from '../src/model/released-architectures.js';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';
import { HR_7B_TWO_LAYERS } from './architectures.js';
import { imageBatch, promptIds } from './made-up-batch.js';
import { randomInference } from './random-inference.js';
import { withFolder } from './temporary-folder.js';

const NEW_TOKENS = 10;
const NO_PYTHON = 'skipped; set LLAVAHR_PYTHON to a Python with torch';

/** The same computation in PyTorch fp32 on the same cores, alternating. */
export async function againstPyTorch(): Promise<string> {
  const python = process.env['LLAVAHR_PYTHON'];
  if (!python) return NO_PYTHON;
  return withFolder(async (folder) => {
    const inference = await randomInference(folder, HR_7B_TWO_LAYERS, 'fp32');
    const torch = await startPyTorch(python, {
      architecture: HR_7B_TWO_LAYERS,
      resolution: 1024,
      threads: availableParallelism(),
      tokensBefore: 35,
      tokensAfter: 30,
      newTokens: NEW_TOKENS,
    });
    const rounds: { vision: number; language: number }[] = [];
    for (let i = 0; i < 4; i++) {
      const ours = await inference.run(imageBatch([promptIds(35, 30, 0)], NEW_TOKENS));
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
export async function popeAgainstPyTorch(): Promise<string> {
  const python = process.env['LLAVAHR_PYTHON'];
  if (!python) return NO_PYTHON;
  const threads = availableParallelism();
  const architecture = RELEASED_ARCHITECTURES['llava-hr-7b'];
  const [questions, newTokens] = [18, 2];
  const model = await openRandomModel({ name: 'llava-hr-7b', architecture, precision: 'int8' });
  const worker = await startWorkerProcess(model, { provider: 'cpu', index: 0 }, threads);
  const ask = async (count: number): Promise<{ vision: number; all: number }> => {
    const prompts = Array.from({ length: count }, (_, q) => promptIds(35, 20, q * 100));
    const { visionMs, generateMs } = await worker.run(imageBatch(prompts, newTokens));
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
