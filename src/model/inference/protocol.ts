import type { Device } from './device.js';
import type { DecoderSizes } from './generate-tokens.js';
import type { PromptRow } from './pack-prompts.js';

/*
 * Messages between llavahr and whatever runs a model for it: the thread with the sessions (inference-worker.ts), or a
 * process around such a thread (inference-process.ts). The first message is `load`, followed by any number of `run`
 * requests; each is answered once, in order, with `loaded`, `result` or `failure` and the same `id`. Pixels and visual
 * tokens are transferred to and from a thread, and copied to and from a process.
 */

export type WorkerRequest<Load> = ({ kind: 'load'; id: number } & Load) | { kind: 'run'; id: number; batch: Batch };

export type WorkerResponse =
  | { kind: 'loaded'; id: number; loadMs: number }
  | { kind: 'result'; id: number; result: BatchResult /** Of the worker's process so far. */; peakMemoryBytes: number }
  | { kind: 'failure'; id: number; message: string };

/** Payload of `load` for the inference thread. */
export interface LoadSessions {
  visionPath: string;
  generatePath: string;
  device: Device;
  /** Threads per operator; 0 lets ONNX Runtime use every core. */
  threads: number;
  /** Keep freed memory for the next run, which is faster but uses more memory. */
  keepsFreed: boolean;
  sizes: ModelSizes;
}

/** Model sizes that the thread needs to shape inputs and read outputs. */
export interface ModelSizes extends DecoderSizes {
  resolution: number;
  /** Visual tokens of one square. */
  squareTokens: number;
  /** Tokens that end an answer. */
  endTokens: readonly number[];
}

/** One batch: square images or the tiles of images and, per row, the prompts about one of them. */
export interface Batch {
  /** uint8, [squares, resolution, resolution, 3]; transferred to the model's thread and unusable afterwards. */
  pixels: Uint8Array;
  rows: PromptRow[];
  maxNewTokens: number;
  /** Minimum number of decode steps, even after all answers have ended (default: 0). */
  minSteps?: number;
  /** Also time the prefill with an extra run that stops after the first token. */
  timePrefill: boolean;
  /** Also return the visual tokens: 16 MB per image for LLaVA-HR-7B. */
  keepVisual?: boolean;
}

export interface BatchResult {
  /** Generated token ids by row and question, without the end of sequence. */
  tokens: number[][][];
  /** Logit of the first generated token by row and question. */
  firstLogits: number[][];
  /** Whether all logits up to the end of the answer were finite, by row and question; otherwise its tokens mean nothing. */
  finite: boolean[][];
  /** Visual tokens, float32 [squares, squareTokens, hidden], with tiles one more; empty unless `keepVisual`. */
  visual: Float32Array;
  /** Steps of the generation loop, the prefill included. */
  steps: number;
  promptTokens: number;
  visionMs: number;
  generateMs: number;
  prefillMs: number | null;
}
