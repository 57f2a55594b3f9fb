import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Protocol } from '../benchmarks/benchmark.js';
import { checkOptions } from '../benchmarks/benchmark-options.js';
import { selectBenchmarks } from '../benchmarks/registry.js';
import { type DownloadsOnDemand, downloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { ablationSize, sizesBeside } from '../evaluation/ablation-plan.js';
import { chooseModel, LLAVA_15, llava15Beside } from '../evaluation/choose-model.js';
import { isSampleModel, SAMPLE_BENCHMARKS } from '../evaluation/sample.js';
import { checkPrecision, parseDevice } from '../model/inference/device.js';
import type { Model } from '../model/model-folder.js';
import type { Precision } from '../model/precision.js';
import { ablationFiles, ablationJson } from '../results/reports/ablation-report.js';
import {
  type AblationRow,
  type AblationSpeed,
  ablationNotes,
  ablationTable,
} from '../results/reports/ablation-table.js';
import type { TimingReport } from '../results/reports/timing-report.js';
import type { RunResult } from '../results/runs/load-run.js';
import { EXIT, usageError } from '../shared/errors.js';
import { replaceFile } from '../shared/json-file.js';
import { say } from '../shared/log.js';
import { wrapText } from '../shared/wrap-text.js';
import { terminalWidth } from '../terminal/style.js';
import { renderTable } from '../terminal/table.js';
import { childLlavahr } from './child-llavahr.js';
import { interruptible } from './interrupt.js';

export interface AblateCommandOptions {
  model?: string;
  resolutions?: number[];
  models?: string[];
  also?: string[];
  data?: string;
  offline: boolean;
  split?: string;
  protocol: Protocol;
  limit?: number;
  batchSize: number | 'auto';
  device: string;
  threads?: number;
  precision: Precision;
  output: string;
  report: string;
  json: boolean;
}

/**
 * `llavahr ablate`: runs `llavahr eval` and `llavahr latency` as child processes for each model and size. Prints the table
 * on stdout and writes it, with plots, to the report folder.
 */
export async function ablateCommand(benchmarks: string, options: AblateCommandOptions): Promise<number> {
  checkOptions(selectBenchmarks(benchmarks), { split: options.split }); // before anything is exported
  checkPrecision(parseDevice(options.device), options.precision);
  const downloads = downloadsOnDemand(options.offline);
  const models = await chooseModels(options, downloads).finally(downloads.close);
  const interrupt = interruptible('Stopping after the current batch. Press Ctrl-C again to stop immediately.');
  const rows: AblationRow[] = [];
  let worst: number = EXIT.done;
  try {
    for (const model of models) {
      say('info', `\n${model.manifest.name} at ${model.vision.resolution} px`);
      const { exitCode, stdout } = await childLlavahr(evalArguments(benchmarks, model, options), interrupt.signal);
      if (exitCode === EXIT.interrupted || interrupt.signal.aborted) return EXIT.interrupted;
      worst = worst === EXIT.done || exitCode === EXIT.failed ? exitCode : worst;
      const speed = await measureSpeed(model, options, interrupt.signal);
      if (interrupt.signal.aborted) return EXIT.interrupted;
      rows.push(rowOf(model, options.device, readRuns(stdout), speed));
    }
  } finally {
    interrupt.stop();
  }
  const reference = rows.find(({ isTrainedSize }) => isTrainedSize) ?? rows[0]!;
  const folder = join(options.report, `${benchmarks.replaceAll(',', '-')}-${reference.model}`);
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(ablationFiles(rows, reference))) {
    await replaceFile(join(folder, name), (file) => file.writeFile(content));
  }
  console.log(options.json ? ablationJson(rows) : `${tableText(rows, reference)}\n\n${folder}`);
  return worst;
}

/** The model of each row, exported at its size. */
async function chooseModels(options: AblateCommandOptions, downloads: DownloadsOnDemand): Promise<Model[]> {
  const { model, models, resolutions, also = [], precision } = options;
  if (models && (model !== undefined || resolutions)) {
    throw usageError(
      '--models runs each checkpoint at its own size. It cannot be combined with --model or --resolutions.',
    );
  }
  if (!models && !resolutions) {
    throw usageError('Give input sizes with --resolutions, or checkpoints of different sizes with --models.');
  }
  const choose = (name: string | undefined, resolution?: number): Promise<Model> =>
    chooseModel({ model: name, resolution, precision }, downloads);
  const chosen: Model[] = [];
  if (models) for (const name of models) chosen.push(await choose(name));
  else for (const resolution of ascending(resolutions!)) chosen.push(await choose(model, resolution));

  const sizes = chosen.map(({ vision }) => vision.resolution);
  for (const requested of also) {
    const name = requested === LLAVA_15 ? llava15Beside(chosen[0]!) : requested;
    const { manifest } = await choose(name);
    for (const resolution of sizesBeside(manifest.architecture, sizes)) chosen.push(await choose(name, resolution));
  }
  return chosen;
}

function ascending(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Arguments of the `llavahr eval` that runs one row. */
function evalArguments(benchmarks: string, { folder, vision }: Model, options: AblateCommandOptions): string[] {
  const main = options.models?.[0] ?? options.model;
  const isEmbedded = main === undefined || isSampleModel(main);
  const given: Record<string, string | number | undefined> = {
    model: folder,
    resolution: vision.resolution,
    data: options.data ?? (isEmbedded ? SAMPLE_BENCHMARKS : undefined),
    split: options.split,
    protocol: options.protocol,
    limit: options.limit,
    'batch-size': options.batchSize,
    device: options.device,
    threads: options.threads,
    output: options.output,
  };
  const values = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, `${value}`],
  );
  return ['eval', benchmarks, ...values, '--json', ...(options.offline ? ['--offline'] : [])];
}

/** Parses the runs printed by `eval --json`; empty if every benchmark failed. */
function readRuns(stdout: string): RunResult[] {
  if (stdout.trim() === '') return [];
  const parsed = JSON.parse(stdout) as RunResult | RunResult[];
  return Array.isArray(parsed) ? parsed : [parsed];
}

function rowOf(
  { manifest, vision }: Model,
  device: string,
  runs: RunResult[],
  speed: AblationSpeed | null,
): AblationRow {
  const { resolution, lowResolution, visualTokens, isTrainedSize } = ablationSize(
    manifest.architecture,
    vision.resolution,
  );
  return {
    model: manifest.name,
    resolution: { high: resolution, low: lowResolution },
    visualTokens,
    isTrainedSize,
    runs,
    precision: manifest.precision,
    device: runs[0]?.record.identity.device ?? device,
    speed,
  };
}

/** Prompt and answer lengths as in LLaVA-HR's speed script, with warm-up runs added. */
const SPEED_OPTIONS = ['--prompt-tokens', '49', '--new-tokens', '10', '--warmup', '2', '--repetitions', '10'];

/** Times the model in a child process. Null if that failed; the child has printed why. */
async function measureSpeed(
  { folder, vision }: Model,
  { device, threads }: AblateCommandOptions,
  signal: AbortSignal,
): Promise<AblationSpeed | null> {
  const cores = threads === undefined ? [] : ['--threads', `${threads}`];
  const what = ['--model', folder, '--resolution', `${vision.resolution}`, '--device', device, ...cores];
  const { exitCode, stdout } = await childLlavahr(['latency', ...what, ...SPEED_OPTIONS, '--json'], signal);
  if (exitCode !== EXIT.done) return null;
  const { summary, peakMemoryBytes } = (JSON.parse(stdout) as TimingReport).rows[0]!;
  const timeToFirstTokenMs = summary.stages.firstToken.p50;
  const { tokensPerSecond } = summary.throughput;
  if (timeToFirstTokenMs === null || tokensPerSecond === null) return null;
  return { timeToFirstTokenMs, tokensPerSecond, peakMemoryBytes };
}

function tableText(rows: readonly AblationRow[], reference: AblationRow): string {
  const { titles, lines, align } = ablationTable(rows, reference);
  const notes = [
    `Speed: batch size 1, 10 new tokens, relative to ${reference.model} at ${reference.resolution.high} px.`,
    ...ablationNotes(rows),
  ];
  return [renderTable(titles, lines, align, { keys: 2 }), ...notes.map((note) => wrapText(note, terminalWidth))].join(
    '\n',
  );
}
