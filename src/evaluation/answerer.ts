import type { LoadedBenchmark, Question } from '../benchmarks/benchmark.js';
import type { EnergyMeter } from '../model/inference/energy-meter.js';
import type { BatchTiming } from '../results/runs/latency.js';
import type { Prediction } from '../results/runs/predictions.js';
import type { OptionValue, RunIdentity } from '../results/runs/run-identity.js';

/** What of a run's identity says who answers, and how. */
export type AnswererIdentity = Pick<RunIdentity, 'model' | 'device' | 'preprocessingVersion' | 'generation'> &
  Partial<Pick<RunIdentity, 'server'>>;

/** What answers questions: a model on devices of this machine, or a model behind a server. */
export interface Answerer {
  identity: AnswererIdentity;
  /** For the record: options that cannot change an answer, as they took effect. */
  settings: Record<string, OptionValue>;
  /** Tokens of an image in a prompt, at least about; shards of equal cost are formed by it. */
  visualTokens: number;
  /**
   * Answers questions in any order and records each. Returns early when the work's signal is aborted.
   * @throws UserError if nothing more can be answered, or answers cannot be recorded
   */
  answer(work: AnswerWork): Promise<void>;
  /** Measures what the devices take. Absent for a server, whose energy is not known. */
  startEnergyMeter?(): EnergyMeter;
  close(): Promise<void>;
}

/** The open questions of a run. */
export interface AnswerWork {
  benchmark: LoadedBenchmark;
  /** At least one. */
  questions: readonly Question[];
  /** When aborted, what is under way is finished or given up, and nothing new begun. */
  signal: AbortSignal;
  /** From here on time counts as spent on answers. @param memoryElsewhere peak bytes of other processes that work on it */
  onReady(memoryElsewhere?: () => number): void;
  /** Called with the name and the sha256 of every image that is read. @throws UserError when the image changed meanwhile */
  noteImage(image: string, sha256: string): void;
  /** Writes predictions, and the timings of the batches they came from, to disk and updates the progress display. */
  record(predictions: readonly Prediction[], timings?: readonly BatchTiming[]): Promise<void>;
  /** Prints a line without tearing the progress display. */
  log(line: string): void;
}
