import type { Protocol, PublishedScore, SplitInfo } from '../benchmarks/benchmark.js';
import type { BenchmarkEntry } from '../datasets/catalogue-schema.js';
import type { SplitDownload } from '../downloads/download-split.js';
import type { CheckpointState, SplitState } from '../downloads/inventory.js';
import type { ShardResult } from '../evaluation/evaluate.js';
import type { LeftOut } from '../evaluation/score-predictions.js';
import type { Verification } from '../evaluation/verify-model.js';
import type { ExportedModel } from '../model/exported-models.js';
import type { DeviceTrial } from '../model/inference/device-trial.js';
import type { AblationRow } from '../results/reports/ablation-table.js';
import type { Comparison } from '../results/reports/compare.js';
import type { JsonReport } from '../results/reports/report-json.js';
import type { TimingReport } from '../results/reports/timing-report.js';
import type { Host, Software } from '../results/runs/host.js';
import type { RunEntry } from '../results/runs/list-runs.js';
import type { RunResult } from '../results/runs/load-run.js';
import type { Metrics } from '../results/runs/metrics.js';
import { visibleJson } from '../shared/visible-text.js';

/*
 * What commands print with --json: one object each, whose `schemaVersion` changes when a field is removed or changes its
 * meaning. `npm run schema` writes docs/schemas from these types.
 */

/** Of `eval` and `merge`: finished runs; with --shard, finished shards, which have no scores. */
export interface EvalJson {
  schemaVersion: 1;
  runs: RunResult[];
  shards: ShardResult[];
}

/** Scores at full precision and counts of missing, unknown and duplicate predictions. */
export interface ScoreJson
  extends Pick<
    Metrics,
    | 'benchmark'
    | 'split'
    | 'n'
    | 'failed'
    | 'headline'
    | 'scores'
    | 'counts'
    | 'intervals'
    | 'points'
    | 'unparsable'
    | 'notes'
  > {
  schemaVersion: 1;
  protocol: Protocol;
  leftOut: LeftOut | null;
  /** Counts of what does not fit. */
  predictions: {
    format: string;
    missing: number;
    unknown: number;
    duplicates: number;
    /** Answers that count although their prompt has another question than that of their id. */
    otherPrompts: number;
    /** Answers that the file's order alone assigned to one of several questions that score alike. */
    byOrder: number;
  };
  /** Files written to --output. */
  files: string[];
}

export interface CompareJson {
  schemaVersion: 1;
  comparisons: Comparison[];
}

export interface AblateJson {
  schemaVersion: 1;
  rows: AblationRow[];
}

export type LatencyJson = TimingReport;

export type ReportJson = JsonReport;

export interface RunsJson {
  schemaVersion: 1;
  /** The latest first, damaged ones last. */
  runs: RunEntry[];
}

export interface VerifyJson extends Verification {
  schemaVersion: 1;
}

export interface ListJson {
  schemaVersion: 1;
  benchmarks: {
    name: string;
    title: string;
    metric: string;
    /** The default split first. */
    splits: (SplitInfo & {
      /** null if the number of images is unknown. */
      questionsPerImage: number | null;
    })[];
  }[];
}

/** Of `list --published`. */
export interface ListPublishedJson {
  schemaVersion: 1;
  scores: PublishedScore[];
}

/** Of `list --validate`: what datasets.json has, if it is valid; otherwise the command fails. */
export interface ListValidateJson {
  schemaVersion: 1;
  benchmarks: number;
  splits: number;
  files: number;
  models: number;
}

export interface ShowJson {
  schemaVersion: 1;
  benchmark: string;
  split: string;
  /** Position in the benchmark's order, from 0. */
  index: number;
  questionId: string | number;
  image: string | null;
  prompt: string;
  /** null if it is not public. */
  gold: string | null;
  maxNewTokens: number;
  protocol: Protocol;
}

export interface ExportJson {
  schemaVersion: 1;
  folder: string;
  model: string;
  precision: string;
  outcome: 'exported' | 'extended' | 'unchanged';
  resolutions: { resolution: number; visualTokens: number }[];
  notes: string[];
}

/** Benchmarks, or after `download model` models. */
export interface DownloadJson {
  schemaVersion: 1;
  benchmarks?: (BenchmarkPlan | DownloadedBenchmark)[];
  models?: (ModelPlan | { model: string; folder: string })[];
}

export type DownloadedBenchmark = { benchmark: string; split: string } & (SplitDownload | { error: string });

/** What a download of a split would fetch. */
export interface BenchmarkPlan {
  benchmark: string;
  split: string;
  licence: BenchmarkEntry['licence'];
  /** What is to be known of the split, such as a server that is closed. */
  note: string | null;
  /** Where it would be downloaded to. */
  folder: string;
  items: PlannedItem[];
  total: PlannedSize;
}

/** The files of a model's repositories. */
export interface ModelPlan {
  model: string;
  licence: string;
  items: PlannedItem[];
  total: PlannedSize;
}

export interface PlannedItem {
  what: string;
  from: string;
  /** Null if unknown. */
  bytes: number | null;
  /** Whether only parts of the file, whose size is `bytes`, are downloaded. */
  inPart: boolean;
}

/** Sum over the items of a plan. */
export interface PlannedSize {
  /** Of the files that are downloaded whole and whose size is known. */
  bytes: number;
  /** Of the archives and Parquet files of which only the needed parts are downloaded. */
  bytesInPart: number;
  /** Items of unknown size. */
  unknown: number;
}

export interface DoctorJson {
  schemaVersion: 1;
  software: Software;
  host: Host & {
    freeMemoryBytes: number;
    freeDiskBytes: number;
    /** Memory of the machine; `memoryBytes` is less in a container with a limit. */
    machineMemoryBytes: number;
    /** Cores' worth of time by the container's limit; null without one. */
    cpuQuota: number | null;
  };
  /** Why images cannot be read; null when they can. */
  sharpProblem: string | null;
  devices: DeviceTrial[];
  autoDevice: string;
  dataFolder: string;
  data: SplitState[];
  checkpoints: CheckpointState[];
  models: ExportedModel[];
  /** Command lines to run next, the most useful first. */
  next: { command: string; purpose: string }[];
}

export interface SetupCudaJson {
  schemaVersion: 1;
  outcome: 'installed' | 'unchanged';
  /** Of ONNX Runtime. */
  version: string;
  files: string[];
  /** Why the GPU cannot be used yet; null when it can. */
  problem: string | null;
}

export interface PowerJson {
  schemaVersion: 1;
  powers: Power[];
}

/** What a split can show. Differences are in percentage points, or in points for scores that are sums of points. */
export interface Power {
  benchmark: string;
  split: string;
  questions: number;
  /** Percentage of the questions that exactly one model answers correctly; absent with a pilot. */
  disagreement?: number;
  /** The smallest difference that all of the questions show; null if they show none. */
  detectable: number | null;
  /** Questions that show the wanted difference; null if no number does. Absent if no difference is wanted. */
  needed?: number | null;
  /** The pilot's models and questions, and the difference of `model` from `baseline` seen in it. */
  pilot?: { baseline: string; model: string; questions: number; difference: number; detectable: number };
}

/** Of `task init`. */
export interface TaskJson {
  schemaVersion: 1;
  /** Path of the task file. */
  task: string;
}

/** Prints a command's output of --json. */
export function printJson<T extends { schemaVersion: 1 }>(content: Omit<T, 'schemaVersion'>): void {
  console.log(visibleJson({ schemaVersion: 1, ...content }));
}
