import { max, sum } from 'simple-statistics';
import { contextLength } from '../model/context-length.js';
import { batchBytes, weightBytes } from '../model/inference/batch-memory.js';
import type { Device } from '../model/inference/device.js';
import { freeMemory } from '../model/inference/free-memory.js';
import type { Model } from '../model/model-folder.js';
import type { TimedRun, TimedSetting } from '../results/reports/timed-runs.js';
import { byteSize } from '../shared/byte-size.js';
import { UserError, usageError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { type ModelMemory, startTimedModel, type TimedModel } from './timed-model.js';
import { type PlannedRun, planTimings } from './timing-plan.js';

export interface TimingOptions {
  device: Device;
  /** Threads within an operator; 0 uses every core. */
  threads: number;
  warmup: number;
  repetitions: number;
  /** Time the prefill with an extra run in every repetition. */
  timePrefill: boolean;
  /** When aborted, timing stops after the current run. */
  signal: AbortSignal;
  /** Free bytes of a device, which decide whether all models are loaded at once. */
  freeMemory?(device: Device): Promise<number>;
  onRun(done: number, of: number, planned: PlannedRun): void;
}

export interface Timings {
  /** Whether all models were loaded at once and alternated run by run; otherwise one at a time, in blocks. */
  together: boolean;
  /** By model and setting. */
  runs: TimedRun[][][];
  /** By model; null if it was not loaded. */
  memory: (ModelMemory | null)[];
  /** By model: the error that excluded it from further runs, or null. */
  failures: (string | null)[];
}

/** Memory of Node.js and ONNX Runtime before a model is loaded. */
const PROCESS_BYTES = 300e6;

/**
 * Times every model in every setting, in the order of `planTimings`. If a model cannot be loaded or run, the others are
 * still measured.
 * @throws UserError (usage) if a setting exceeds a model's context length
 */
export async function timeModels(
  models: readonly Model[],
  settings: readonly TimedSetting[],
  options: TimingOptions,
): Promise<Timings> {
  const { device, threads, warmup, repetitions, timePrefill, signal, onRun } = options;
  for (const model of models) checkContext(model, settings);
  const freeBytes = await (options.freeMemory ?? freeMemory)(device);
  const together = models.length === 1 || sum(models.map((model) => neededBytes(model, settings))) <= freeBytes;
  for (const model of models) {
    // The CPU runs a model without the arena if it does not fit with it.
    const needed = neededBytes(model, settings, device.provider !== 'cpu');
    if (needed <= freeBytes) continue;
    const need = `needs an estimated ${byteSize(needed)}, but only ${byteSize(freeBytes)} are free`;
    const what = `${model.manifest.name} at ${model.vision.resolution} px ${need}`;
    say('warn', `${what}. It may be slow or run out of memory.`);
  }
  const plan = planTimings({
    models: models.length,
    settings: settings.length,
    warmup,
    repetitions,
    together,
  });
  const runs = models.map(() => settings.map((): TimedRun[] => []));
  const memory = models.map((): ModelMemory | null => null);
  const failures = models.map((): string | null => null);
  const loaded = new Map<number, TimedModel>();
  try {
    for (const [done, planned] of plan.entries()) {
      if (signal.aborted) break;
      if (failures[planned.model] !== null) continue;
      onRun(done, plan.length, planned);
      try {
        let model = loaded.get(planned.model);
        if (!model) {
          if (!together) await closeAll(loaded);
          model = await startTimedModel(models[planned.model]!, device, threads);
          loaded.set(planned.model, model);
        }
        const timed = await model.time(settings[planned.setting]!, timePrefill);
        memory[planned.model] = largerOf(memory[planned.model]!, timed.memory);
        if (!planned.warmup) runs[planned.model]![planned.setting]!.push(timed.run);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        failures[planned.model] = error.message;
        await loaded.get(planned.model)?.close();
        loaded.delete(planned.model);
      }
    }
  } finally {
    await closeAll(loaded);
  }
  return { together, runs, memory, failures };
}

/** @throws UserError (usage) if a prompt and its answer would exceed the model's context length */
function checkContext({ manifest, vision }: Model, settings: readonly TimedSetting[]): void {
  const context = contextLength(manifest.architecture, vision.visualTokens);
  for (const { promptTokens, newTokens } of settings) {
    const needed = vision.visualTokens + promptTokens + newTokens;
    if (needed <= context) continue;
    throw usageError(
      `${promptTokens} prompt tokens, ${vision.visualTokens} visual tokens and ${newTokens} new tokens exceed ` +
        `${manifest.name}'s context of ${context} tokens. Use fewer prompt or new tokens.`,
    );
  }
}

async function closeAll(loaded: Map<number, TimedModel>): Promise<void> {
  for (const model of loaded.values()) await model.close();
  loaded.clear();
}

/** Estimated memory of a model with its largest batch, bytes. @param keepsFreed of `batchBytes` */
function neededBytes(model: Model, settings: readonly TimedSetting[], keepsFreed = true): number {
  const batches = settings.map(({ batchSize, promptTokens, newTokens }) => {
    const shape = { rows: batchSize, length: model.vision.visualTokens + promptTokens, questions: 1 };
    return batchBytes(model, shape, newTokens, keepsFreed);
  });
  return PROCESS_BYTES + weightBytes(model) + max(batches);
}

function largerOf(a: ModelMemory | null, b: ModelMemory): ModelMemory {
  if (a === null) return b;
  const deviceBytes = a.deviceBytes === null || b.deviceBytes === null ? null : Math.max(a.deviceBytes, b.deviceBytes);
  return { hostBytes: Math.max(a.hostBytes, b.hostBytes), deviceBytes };
}
