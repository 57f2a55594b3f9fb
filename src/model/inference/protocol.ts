import type { Device } from './device.js';
import type { PromptRow } from './pack-prompts.js';

/*
 * Messages between the main thread and the inference worker. The main thread posts one `load`, then any number of `run`
 * requests; the worker answers each message once, in order, with `loaded`, `result` or `failure` of the same `id`.
 * Pixel and result buffers are transferred, not copied.
 */

export interface LoadRequest {
  kind: 'load';
  id: number;
  visionPath: string;
  generatePath: string;
  device: Device;
  /** Threads inside an operator; 0 lets ONNX Runtime use every core. */
  threads: number;
  /** Keep memory that a run frees for the next one, which is faster and takes more of it. */
  keepsFreed: boolean;
  sizes: ModelSizes;
}

/** What the worker needs to know of a model to shape its inputs and read its outputs. */
export interface ModelSizes {
  resolution: number;
  visualTokens: number;
  hiddenSize: number;
  eosTokenId: number;
}

export interface RunRequest {
  kind: 'run';
  id: number;
  /** [images, resolution, resolution, 3] */
  pixels: Uint8Array;
  rows: PromptRow[];
  maxNewTokens: number;
  /** Steps to go on for at least though every answer has ended, for measuring; 0 without it. */
  minSteps?: number;
  /** Also time the prefill, by one more run that stops after the first token. */
  timePrefill: boolean;
  /** Also return the visual tokens, 16 MB for an image of LLaVA-HR-7B. */
  keepVisual?: boolean;
}

export type WorkerRequest = LoadRequest | RunRequest;

export interface RunResult {
  kind: 'result';
  id: number;
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

export type WorkerResponse =
  | { kind: 'loaded'; id: number; loadMs: number }
  | RunResult
  | { kind: 'failure'; id: number; message: string };
