import { sum } from 'simple-statistics';
import { batchBytes, weightBytes } from '../model/inference/batch-memory.js';
import type { Device } from '../model/inference/device.js';
import { freeMemory } from '../model/inference/free-memory.js';
import type { Model } from '../model/model-folder.js';
import type { TimedRun, TimedSetting } from '../results/reports/timed-runs.js';
import { UserError } from '../shared/errors.js';
import { say } from '../shared/log.js';
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
  /** By model: why it could not be loaded or run, and was left out from then on; null for the others. */
  failures: (string | null)[];
}

/** What Node.js and ONNX Runtime take before a model is loaded. */
const PROCESS_BYTES = 300e6;

/**
 * Times every model in every setting, the models in turn; see planTimings. One that cannot be loaded or run does not take
 * what was measured of the others with it.
 */
export async function timeModels(
  models: readonly Model[],
  settings: readonly TimedSetting[],
  options: TimingOptions,
): Promise<Timings> {
  const { device, threads, warmup, repetitions, timePrefill, signal, onRun } = options;
  const freeBytes = await (options.freeMemory ?? freeMemory)(device);
  const needed = models.map((model) => neededBytes(model, settings));
  const together = models.length === 1 || sum(needed) <= freeBytes;
  models.forEach(({ manifest, vision }, m) => {
    if (needed[m]! <= freeBytes) return;
    const [need, free] = [needed[m]!, freeBytes].map((bytes) => `${(bytes / 1e9).toFixed(1)} GB`);
    const what = `${manifest.name} at ${vision.resolution} px takes about ${need} by the estimate, ${free} are free`;
    say('warn', `${what}: it may be slow, or be ended for want of memory.`);
  });
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

async function closeAll(loaded: Map<number, TimedModel>): Promise<void> {
  for (const model of loaded.values()) await model.close();
  loaded.clear();
}

/** Estimate of what a model takes with its largest batch, bytes. */
function neededBytes(model: Model, settings: readonly TimedSetting[]): number {
  const batches = settings.map(({ batchSize, promptTokens, newTokens }) =>
    batchBytes(model, { rows: batchSize, length: model.vision.visualTokens + promptTokens, questions: 1 }, newTokens),
  );
  return PROCESS_BYTES + weightBytes(model) + Math.max(...batches);
}

function largerOf(a: ModelMemory | null, b: ModelMemory): ModelMemory {
  if (a === null) return b;
  const deviceBytes = a.deviceBytes === null || b.deviceBytes === null ? null : Math.max(a.deviceBytes, b.deviceBytes);
  return { hostBytes: Math.max(a.hostBytes, b.hostBytes), deviceBytes };
}
