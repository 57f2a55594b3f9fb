import { median } from 'simple-statistics';
import type { Inference } from '../src/model/inference/inference.js';
import { MID_SIZE } from './architectures.js';
import { promptIds } from './made-up-batch.js';
import { randomInference } from './random-inference.js';
import { withFolder } from './temporary-folder.js';

const NEW_TOKENS = 10;

/** 16 questions about one image in one row, compared with one run per question. The prefix has about 610 tokens. */
export async function packedQuestions(): Promise<string> {
  return withFolder(async (folder) => {
    const inference = await randomInference(folder, MID_SIZE, 'fp32');
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

async function generateMs(inference: Inference, resolution: number, rows: number[][][]): Promise<number> {
  const result = await inference.run({
    pixels: new Uint8Array(rows.length * resolution * resolution * 3),
    rows: rows.map((prompts, image) => ({ image, prompts })),
    maxNewTokens: NEW_TOKENS,
    timePrefill: false,
  });
  return result.generateMs;
}
