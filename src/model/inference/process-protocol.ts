import type { Model } from '../model-folder.js';
import type { Device } from './device.js';
import type { Batch, BatchResult } from './inference.js';

/*
 * Messages between llavahr and a worker process: first one `load`, then any number of `run`, each answered once, in order.
 * Pixels are copied on the way.
 */

export type ProcessRequest =
  | { kind: 'load'; id: number; model: Model; device: Device; threads: number }
  | { kind: 'run'; id: number; batch: Batch };

export type ProcessResponse =
  | { kind: 'loaded'; id: number; loadMs: number }
  | { kind: 'result'; id: number; result: BatchResult /** Of the process, so far. */; peakMemoryBytes: number }
  | { kind: 'failure'; id: number; message: string };
