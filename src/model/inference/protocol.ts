import type { Device } from './device.js';
import type { PromptRow } from './pack-prompts.js';

/*
 * Messages between llavahr and whatever runs a model for it: the thread with the sessions (inference-worker.ts), or a
 * process around such a thread (inference-process.ts). First one `load`, then any number of `run`; each is answered once,
 * in order, with `loaded`, `result` or `failure` of the same `id`. Pixels and visual tokens are transferred to and from a
 * thread, and copied on the way to a process.
 */

export type WorkerRequest<Load> = ({ kind: 'load'; id: number } & Load) | { kind: 'run'; id: number; batch: Batch };

export type WorkerResponse =
  | { kind: 'loaded'; id: number; loadMs: number }
  | { kind: 'result'; id: number; result: BatchResult /** Of the worker's process, so far. */; peakMemoryBytes: number }
  | { kind: 'failure'; id: number; message: string };

/** What the thread loads. */
export interface LoadSessions {
  visionPath: string;
  generatePath: string;
  device: Device;
  /** Threads inside an operator; 0 lets ONNX Runtime use every core. */
  threads: number;
  /** Keep memory that a run frees for the next one, which is faster and takes more of it. */
  keepsFreed: boolean;
  sizes: ModelSizes;
}

/** What the thread needs to know of a model to shape its inputs and read its outputs. */
export interface ModelSizes {
  resolution: number;
  visualTokens: number;
  hiddenSize: number;
  eosTokenId: number;
}

/** One batch: square images and, per row, the prompts about one of them. */
export interface Batch {
  /** uint8, [images, resolution, resolution, 3]; transferred to the model's thread and unusable afterwards. */
  pixels: Uint8Array;
  rows: PromptRow[];
  maxNewTokens: number;
  /** Decode at least this many steps even if every answer has ended, for measuring (default: 0). */
  minSteps?: number;
  /** Also time the prefill, by one more run that stops after the first token. */
  timePrefill: boolean;
  /** Also return the visual tokens, 16 MB for an image of LLaVA-HR-7B. */
  keepVisual?: boolean;
}

export interface BatchResult {
  /** Chosen token ids of each row's questions, without the end of sequence. */
  tokens: number[][][];
  /** Logit of the first chosen token of each row's questions. */
  firstLogits: number[][];
  /** Visual tokens, float32 [images, visualTokens, hidden]; empty unless `keepVisual`. */
  visual: Float32Array;
  /** Iterations of the generation loop. */
  steps: number;
  promptTokens: number;
  visionMs: number;
  generateMs: number;
  prefillMs: number | null;
}
