import { downloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { chooseModel } from '../evaluation/choose-model.js';
import { evaluate as run } from '../evaluation/evaluate.js';
import type { Heartbeat } from '../evaluation/heartbeat.js';
import type { JudgeChoice } from '../evaluation/judge-answers.js';
import { modelAnswerer } from '../evaluation/model-answerer.js';
import { type ModelSession, openModelSession } from '../evaluation/model-session.js';
import type { ConvMode } from '../model/conversation.js';
import { checkPrecision, parseDevices } from '../model/inference/device.js';
import { checkDevices } from '../model/inference/device-trial.js';
import type { Precision } from '../model/precision.js';
import type { RunResult } from '../results/runs/load-run.js';
import { messageStream } from '../shared/log.js';
import type { Benchmark } from './benchmarks.js';

export interface OpenModelOptions {
  /** Folder of a checkpoint or exported model, or a name such as llava-hr-7b (default: the embedded llava-hr-tiny). */
  model?: string;
  /** Side of the square input in pixels (default: the size the model was trained at). */
  resolution?: number;
  /** Of the export, when a checkpoint is named (default: fp32). */
  precision?: Precision;
  /** CLIP vision tower of a LLaVA-1.5 checkpoint that does not include it. */
  clipTower?: string;
  /** Base model of a LoRA adapter (default: the one the adapter names, in or beside its folder). */
  base?: string;
  /** auto, cpu, cuda, cuda:1, webgpu; or several of one kind with commas, each a worker process (default: auto). */
  device?: string;
  /** CPU threads per operator and worker (default: all cores, shared among workers). */
  threads?: number;
  /** Download nothing (default: false). */
  offline?: boolean;
}

/** A model for one or more evaluations. Must be closed, or its worker processes keep the program alive. */
export interface Model {
  /** As run folders name it. */
  readonly name: string;
  /** Pixels. */
  readonly resolution: number;
  readonly visualTokensPerImage: number;
  close(): Promise<void>;
}

const sessions = new WeakMap<Model, ModelSession>();

/**
 * Opens a model. A named checkpoint is downloaded and exported first, unless it is in the cache. Weights are loaded when
 * the first question is asked.
 * @throws UserError when the model does not exist or cannot be downloaded or exported, or the device does not run it
 */
export async function openModel(options: OpenModelOptions = {}): Promise<Model> {
  const { device = 'auto', threads, offline = false, ...choice } = options;
  const devices = parseDevices(device);
  for (const each of devices) checkPrecision(each, choice.precision);
  await checkDevices(devices);
  const downloads = downloadsOnDemand(offline);
  try {
    const session = await openModelSession(await chooseModel(choice, downloads), devices, threads);
    const { manifest, vision } = session.model;
    const { resolution, visualTokens } = vision;
    const model = { name: manifest.name, resolution, visualTokensPerImage: visualTokens, close: () => session.close() };
    sessions.set(model, session);
    return model;
  } finally {
    await downloads.close();
  }
}

/** How far an evaluation is. */
export interface Progress {
  answered: number;
  failed: number;
  questions: number;
}

export interface EvaluateOptions {
  /** Where run folders are created (default: results). */
  output?: string;
  /** Images per batch (default: auto). */
  batchSize?: number | 'auto';
  /** LLaVA's conversation template (default: the model's own, for most vicuna_v1). */
  convMode?: ConvMode;
  /** Stop at the first question that cannot be answered (default: false). */
  failFast?: boolean;
  /** Start over; the earlier run folder is renamed (default: false). */
  fresh?: boolean;
  /** Language model that grades MM-Vet. */
  judge?: JudgeChoice;
  /** Stops after the current batches; the promise is rejected with its reason, and another call continues the run. */
  signal?: AbortSignal;
  /** Called when answers are on the disk. */
  onProgress?: (progress: Progress) => void;
}

/**
 * Asks a model the questions of a benchmark and scores the answers, as `llavahr eval` does: an interrupted run is
 * continued, and a complete one is only read.
 * @throws UserError when the device cannot be used, results cannot be written, or the run is in use
 */
export async function evaluate(model: Model, benchmark: Benchmark, options: EvaluateOptions = {}): Promise<RunResult> {
  const { output = 'results', batchSize = 'auto', failFast = false, fresh = false } = options;
  const { convMode, judge, onProgress } = options;
  const signal = options.signal ?? new AbortController().signal;
  const session = sessions.get(model);
  if (session === undefined) throw new TypeError('evaluate needs a model that openModel opened');
  const evaluation = await run({
    ...{ benchmark, shard: null, failFast, output, fresh, signal },
    answerer: modelAnswerer(session, { batchSize, convMode }),
    judging: judge === undefined ? null : { folder: benchmark.folder, judge },
    data: benchmark.folder,
    taskFile: benchmark.taskFile,
    argv: [],
    stream: messageStream(),
    heartbeat: progressOf(benchmark, onProgress),
  });
  if (evaluation.state === 'complete') return evaluation.result;
  throw signal.reason;
}

/** The run's heartbeat, as progress for a function. */
function progressOf({ questions }: Benchmark, onProgress?: (progress: Progress) => void): Heartbeat {
  return {
    update({ answered, failed }) {
      if (answered === undefined || failed === undefined) return;
      onProgress?.({ answered, failed, questions: questions.length });
    },
    async stop() {},
  };
}
