import { median } from 'simple-statistics';
import type { Inference } from '../src/model/inference/inference.js';
import { HR_7B_TWO_LAYERS } from './architectures.js';
import { imageBatch, promptIds } from './made-up-batch.js';
import { randomInference } from './random-inference.js';
import { withFolder } from './temporary-folder.js';

const ROUNDS = 5;

/** Vision of LLaVA-HR-7B at 1,024 px with towers in fp32 and in int8, alternating. */
export async function quantisedVision(): Promise<string> {
  return withFolder(async (folder) => {
    const fp32 = await randomInference(folder, HR_7B_TWO_LAYERS, 'fp32');
    const int8 = await randomInference(folder, HR_7B_TWO_LAYERS, 'int8');
    const time = async (model: Inference): Promise<number> =>
      (await model.run(imageBatch([promptIds(35, 30, 0)], 1))).visionMs;
    const ratios: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const ratio = (await time(fp32)) / (await time(int8));
      if (round > 0) ratios.push(ratio); // the first round warms up
    }
    await fp32.close();
    await int8.close();
    const all = ratios.map((ratio) => ratio.toFixed(2)).join(', ');
    return `${median(ratios).toFixed(2)} times as fast as in fp32 (${all}; target: at least 2)`;
  });
}
