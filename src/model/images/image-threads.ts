import { Tinypool } from 'tinypool';
import { ImageError } from '../../shared/errors.js';
import type { ImageTask, PreparedImage } from './image-thread.js';

/** Threads that decode and resize images, so that neither keeps the thread that feeds the model from its work. */
export interface ImageThreads {
  /** As `prepareImage`; images are begun in the order of the calls. @throws ImageError as `prepareImage` */
  prepare(task: ImageTask): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** @param count threads; each holds one decoded image at a time */
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
      const prepared: PreparedImage = await pool.run(task);
      if ('code' in prepared) throw new ImageError(prepared.code, prepared.message);
      return prepared.pixels;
    },
    close: () => pool.destroy(),
  };
}
