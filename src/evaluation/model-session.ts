import { availableParallelism } from 'node:os';
import { type ImageThreads, startImageThreads } from '../model/image-threads.js';
import { type Device, deviceName } from '../model/inference/device.js';
import { type Inference, startInference } from '../model/inference/inference.js';
import { ensureSelfCheck } from '../model/inference/self-check.js';
import type { Model } from '../model/model-folder.js';
import { loadTokenizer, type Tokenizer } from '../model/tokenizer/load-tokenizer.js';

/** Enough to keep up with the model, and few enough to leave it the cores. */
const IMAGE_THREADS = Math.min(8, Math.max(2, Math.floor(availableParallelism() / 2)));

/** A model on a device for the benchmarks of one command. It is loaded when the first question needs it. */
export interface ModelSession {
  model: Model;
  tokenizer: Tokenizer;
  device: Device;
  /** Inside an operator; 0 uses every core. */
  threads: number;
  /** Loads the model once and checks the device. @throws UserError when the device cannot be used or computes wrong */
  inference(): Promise<Inference>;
  /** Whether `inference` was called. */
  isLoaded(): boolean;
  /** Starts them when they are first asked for. */
  imageThreads(): ImageThreads;
  close(): Promise<void>;
}

export async function openModelSession(
  model: Model,
  device: Device,
  threads: number,
  stream: NodeJS.WriteStream,
): Promise<ModelSession> {
  const tokenizer = await loadTokenizer(model.folder);
  let loading: Promise<Inference> | undefined;
  let imageThreads: ImageThreads | undefined;
  const load = async (): Promise<Inference> => {
    const inference = await startInference(model, device, threads);
    try {
      const said = `Checking ${deviceName(device)} against the CPU, once for this model\n`;
      await ensureSelfCheck(model, device, inference, tokenizer, () => stream.write(said));
      return inference;
    } catch (error) {
      await inference.close();
      throw error;
    }
  };
  return {
    model,
    tokenizer,
    device,
    threads,
    inference() {
      loading ??= load();
      return loading;
    },
    isLoaded: () => loading !== undefined,
    imageThreads() {
      imageThreads ??= startImageThreads(IMAGE_THREADS);
      return imageThreads;
    },
    async close() {
      await imageThreads?.close();
      const inference = await loading?.catch(() => undefined);
      await inference?.close();
    },
  };
}
