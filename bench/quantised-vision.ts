import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { median } from 'simple-statistics';
import { openRandomModel } from '../src/evaluation/random-model.js';
import { startInference } from '../src/model/inference/inference.js';
import { HR_7B_TWO_LAYERS } from './architectures.js';
import { promptIds } from './made-up-prompt.js';
import { withFolder } from './temporary-folder.js';

const ROUNDS = 5;
const SIDE = 1024;

/** Vision of LLaVA-HR-7B at 1,024 px with towers in fp32 and in int8, alternating. */
export async function quantisedVision(): Promise<string> {
  return withFolder(async (folder) => {
    const open = async (precision: 'fp32' | 'int8') => {
      const choice = { name: 'two-layers', architecture: HR_7B_TWO_LAYERS, precision, folder: join(folder, precision) };
      return startInference(await openRandomModel(choice), { provider: 'cpu', index: 0 }, availableParallelism());
    };
    const models = { fp32: await open('fp32'), int8: await open('int8') };
    const time = async (precision: 'fp32' | 'int8'): Promise<number> => {
      const pixels = new Uint8Array(SIDE * SIDE * 3).map((_, at) => at % 251);
      const rows = [{ image: 0, prompts: [promptIds(35, 30, 0)] }];
      return (await models[precision].run({ pixels, rows, maxNewTokens: 1, timePrefill: false })).visionMs;
    };
    const ratios: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const [fp32, int8] = [await time('fp32'), await time('int8')];
      if (round > 0) ratios.push(fp32 / int8); // the first round warms up
    }
    for (const model of Object.values(models)) await model.close();
    return `${median(ratios).toFixed(2)} times as fast as in fp32 (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}; target: at least 2)`;
  });
}
