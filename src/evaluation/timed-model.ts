import { madeUpPixels } from '../model/images/made-up-pixels.js';
import { type PreparedImage, prepareInput } from '../model/images/prepare-image.js';
import { type Device, deviceName } from '../model/inference/device.js';
import { processGpuBytes } from '../model/inference/gpu-memory.js';
import { ensureSelfCheck } from '../model/inference/self-check.js';
import { startWorkerProcess } from '../model/inference/worker-process.js';
import { imageInput, type Model } from '../model/model-folder.js';
import { IMAGE_TOKEN } from '../model/prompt.js';
import { loadTokenizer } from '../model/tokenizer/load-tokenizer.js';
import type { TimedRun, TimedSetting } from '../results/reports/timed-runs.js';
import { messageOf, UserError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import sharp from '../shared/sharp.js';
import { packImages } from './pack-images.js';
import { isRandomModel } from './random-model.js';

/** A model in a child process, so that its memory can be measured on its own. */
export interface TimedModel {
  /** @throws UserError if the run fails, for example out of memory */
  time(setting: TimedSetting, timePrefill: boolean): Promise<{ run: TimedRun; memory: ModelMemory }>;
  close(): Promise<void>;
}

/** Peak memory of a model's process so far, bytes. */
export interface ModelMemory {
  hostBytes: number;
  /** On the GPU; null if unknown and for the CPU, which has no memory of its own. */
  deviceBytes: number | null;
}

/** Size of the image that is timed, COCO's usual one. */
export const TIMED_IMAGE = { width: 640, height: 480 };

/** Tokens before the image: vicuna_v1's system text and "USER: ". */
const TOKENS_BEFORE_IMAGE = 35;

/**
 * Loads a model and checks the device as an evaluation does, except for random weights, which have no tokenizer.
 * @param threads threads within an operator; 0 uses every core
 * @throws UserError if the device is unusable or computes wrong results
 */
export async function startTimedModel(model: Model, device: Device, threads: number): Promise<TimedModel> {
  const jpeg = await drawJpeg();
  const worker = await startWorkerProcess(model, device, threads);
  try {
    if (!isRandomModel(model)) {
      const message = `Checking ${deviceName(device)} against the CPU (once per model)`;
      await ensureSelfCheck(model, device, worker, await loadTokenizer(model.folder), () => say('info', message));
    }
  } catch (error) {
    await worker.close();
    throw error;
  }
  const { vision, manifest } = model;
  const { language } = manifest.architecture;
  const input = imageInput(model);
  return {
    async time(setting, timePrefill) {
      const { batchSize, newTokens } = setting;
      const start = performance.now();
      const images: PreparedImage[] = [];
      for (let image = 0; image < batchSize; image++) images.push(await prepareInput(jpeg, 'the image', input));
      const { pixels, places } = packImages(images, vision.resolution);
      const decodeImageMs = performance.now() - start;
      const rows = places.map((place, i) => ({ ...place, prompts: [promptIds(setting, language.vocabSize, i)] }));
      const { visionMs, generateMs, prefillMs, steps } = await worker
        .run({
          pixels,
          rows,
          maxNewTokens: newTokens,
          minSteps: newTokens,
          timePrefill: timePrefill && newTokens > 1,
        })
        .catch((error) => {
          const what = `${manifest.name} at ${vision.resolution} px, batch size ${batchSize}`;
          throw new UserError(`Timing ${what} failed: ${messageOf(error)}`, { cause: error });
        });
      if (steps !== newTokens) throw new Error(`${steps} steps were generated instead of ${newTokens}`);
      const onlyPrefill = timePrefill && newTokens === 1;
      const deviceBytes = device.provider === 'cuda' ? await processGpuBytes(worker.pid) : null;
      return {
        run: { decodeImageMs, visionMs, prefillMs: onlyPrefill ? generateMs : prefillMs, generateMs },
        memory: { hostBytes: worker.peakMemoryBytes(), deviceBytes },
      };
    },
    close: worker.close,
  };
}

/** A prompt of arbitrary token ids, which do not affect speed. */
function promptIds({ promptTokens }: TimedSetting, vocabSize: number, seed: number): number[] {
  const before = Math.min(TOKENS_BEFORE_IMAGE, promptTokens - 1);
  const ids = Array.from({ length: promptTokens }, (_, i) => 3 + ((seed * 31 + i * 7) % (vocabSize - 3)));
  return [...ids.slice(0, before), IMAGE_TOKEN, ...ids.slice(before)];
}

/** A JPEG about as large as a photo. */
async function drawJpeg(): Promise<Uint8Array> {
  const { width, height } = TIMED_IMAGE;
  return sharp(madeUpPixels(width * height * 3, 24), { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer();
}
