import { Tinypool } from 'tinypool';
import { ImageError } from '../../shared/errors.js';
import type { ImageResult, ImageTask } from './image-thread.js';
import type { PreparedImage } from './prepare-image.js';

/** Threads that decode and resize images, to keep this work off the thread that feeds the model. */
export interface ImageThreads {
  /** Like `prepareInput`; images are started in the order of the calls. @throws ImageError like `prepareInput` */
  prepare(task: ImageTask): Promise<PreparedImage>;
  close(): Promise<void>;
}

/** @param count number of threads, each with one decoded image at a time in memory */
export function startImageThreads(count: number): ImageThreads {
  const pool = new Tinypool({
    filename: new URL('./image-thread.js', import.meta.url).href,
    runtime: 'worker_threads',
    isolateWorkers: false,
    minThreads: count,
    maxThreads: count,
  });
  return {
    async prepare(task) {
      const prepared: ImageResult = await pool.run(task);
      if ('code' in prepared) throw new ImageError(prepared.code, prepared.message);
      return prepared;
    },
    close: () => pool.destroy(),
  };
}
