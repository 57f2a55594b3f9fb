import { batchBytes, weightBytes } from '../model/inference/batch-memory.js';
import type { Device } from '../model/inference/device.js';
import { freeMemory } from '../model/inference/free-memory.js';
import type { Model } from '../model/model-folder.js';
import type { TimedRun, TimedSetting } from '../results/timed-runs.js';
import { type ModelMemory, startTimedModel, type TimedModel } from './timed-model.js';
import { type PlannedRun, planTimings } from './timing-plan.js';

export interface TimingOptions {
  device: Device;
  /** Inside an operator; 0 uses every core. */
  threads: number;
  warmup: number;
  repetitions: number;
  /** Time the prefill by a run of its own in every repetition. */
  timePrefill: boolean;
  /** When aborted, it ends after the run that is going on. */
  signal: AbortSignal;
  /** Bytes that a device has free, which decide whether all models are loaded at once. */
  freeMemory?(device: Device): Promise<number>;
  onRun(done: number, of: number, planned: PlannedRun): void;
}

export interface Timings {
  /** All models were loaded at once and took turns run by run; otherwise in blocks, one model loaded at a time. */
  together: boolean;
  /** By model and setting. */
  runs: TimedRun[][][];
  /** By model; null for one that was not loaded. */
  memory: (ModelMemory | null)[];
}

/** What Node.js and ONNX Runtime take before a model is loaded. */
const PROCESS_BYTES = 300e6;

/**
 * Times every model in every setting, the models in turn; see planTimings.
 * @throws UserError when a model cannot be loaded or run
 */
export async function timeModels(
  models: readonly Model[],
  settings: readonly TimedSetting[],
  options: TimingOptions,
): Promise<Timings> {
  const { device, threads, warmup, repetitions, timePrefill, signal, onRun } = options;
  const freeBytes = options.freeMemory ?? freeMemory;
  const together = models.length === 1 || memoryTogether(models, settings) <= (await freeBytes(device));
  const plan = planTimings({
    ...{ models: models.length, settings: settings.length },
    ...{ warmup, repetitions, together },
  });
  const runs = models.map(() => settings.map((): TimedRun[] => []));
  const memory = models.map((): ModelMemory | null => null);
  const loaded = new Map<number, TimedModel>();
  try {
    for (const [done, planned] of plan.entries()) {
      if (signal.aborted) break;
      onRun(done, plan.length, planned);
      let model = loaded.get(planned.model);
      if (!model) {
        if (!together) await closeAll(loaded);
        model = await startTimedModel(models[planned.model]!, device, threads);
        loaded.set(planned.model, model);
      }
      const timed = await model.time(settings[planned.setting]!, timePrefill);
      memory[planned.model] = largerOf(memory[planned.model]!, timed.memory);
      if (!planned.warmup) runs[planned.model]![planned.setting]!.push(timed.run);
    }
  } finally {
    await closeAll(loaded);
  }
  return { together, runs, memory };
}

async function closeAll(loaded: Map<number, TimedModel>): Promise<void> {
  for (const model of loaded.values()) await model.close();
  loaded.clear();
}

/** Estimate of what all models take at once with their largest batches, bytes. */
function memoryTogether(models: readonly Model[], settings: readonly TimedSetting[]): number {
  const needed = models.map((model) => {
    const batches = settings.map(({ batchSize, promptTokens, newTokens }) =>
      batchBytes(model, { rows: batchSize, length: model.vision.visualTokens + promptTokens, questions: 1 }, newTokens),
    );
    return PROCESS_BYTES + weightBytes(model) + Math.max(...batches);
  });
  return needed.reduce((sum, bytes) => sum + bytes, 0);
}

function largerOf(a: ModelMemory | null, b: ModelMemory): ModelMemory {
  if (a === null) return b;
  const deviceBytes = a.deviceBytes === null || b.deviceBytes === null ? null : Math.max(a.deviceBytes, b.deviceBytes);
  return { hostBytes: Math.max(a.hostBytes, b.hostBytes), deviceBytes };
}
