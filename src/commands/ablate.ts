import { join } from 'node:path';
import type { Protocol } from '../benchmarks/benchmark.js';
import { checkOptions } from '../benchmarks/benchmark-options.js';
import { isTaskPath, PAPER_BENCHMARKS } from '../benchmarks/registry.js';
import { downloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { ablationRow, ablationSpeed } from '../evaluation/ablation-row.js';
import { chooseAblatedModels } from '../evaluation/choose-compared-models.js';
import { isSampleModel, SAMPLE_BENCHMARKS } from '../evaluation/sample.js';
import { checkPrecision, deviceName, parseDevice, parseDevices } from '../model/inference/device.js';
import { checkDevices } from '../model/inference/device-trial.js';
import type { Model } from '../model/model-folder.js';
import type { Precision } from '../model/precision.js';
import type { ReleasedModel } from '../model/released-architectures.js';
import { ablationFiles, ablationText } from '../results/reports/ablation-report.js';
import type { AblationRow, AblationSpeed } from '../results/reports/ablation-table.js';
import type { TimingReport } from '../results/reports/timing-report.js';
import type { RunResult } from '../results/runs/load-run.js';
import { EXIT, usageError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { makeFolder } from '../shared/make-folder.js';
import { writeOutput } from '../shared/write-output.js';
import { childLlavahr } from './child-llavahr.js';
import { interruptible } from './interrupt.js';
import { type AblateJson, type EvalJson, printJson } from './json-output.js';
import { benchmarksNamed } from './name-benchmarks.js';

export interface AblateCommandOptions {
  model?: string;
  randomWeights?: ReleasedModel;
  resolutions?: number[];
  models?: string[];
  also?: string[];
  data?: string;
  offline: boolean;
  split?: string;
  protocol?: Protocol;
  limit?: number;
  batchSize: number | 'auto';
  device: string;
  devices?: string;
  threads?: number;
  precision?: Precision;
  repetitions: number;
  output: string;
  report: string;
  json: boolean;
}

/** The benchmarks of an ablation. */
interface AblatedBenchmarks {
  /** As `llavahr eval` takes them: names, or paths of task files. */
  names: string[];
  /** Short enough for a folder's name. */
  title: string;
}

/**
 * `llavahr ablate`: runs `llavahr eval` and `llavahr latency` as child processes for each model and size. Prints the table
 * on stdout and writes it, with plots, to the report folder.
 * @param names of benchmarks; none with random weights, whose answers mean nothing
 */
export async function ablateCommand(names: string | null, options: AblateCommandOptions): Promise<number> {
  const benchmarks = await ablatedBenchmarks(names, options);
  const devices = options.devices === undefined ? [parseDevice(options.device)] : parseDevices(options.devices);
  for (const device of devices) checkPrecision(device, options.precision);
  await checkDevices(devices);
  const [device] = devices.map(deviceName);
  const downloads = downloadsOnDemand(options.offline);
  const models = await chooseAblatedModels(options, downloads).finally(downloads.close);
  const interrupt = interruptible('Stopping after the current batch. Press Ctrl-C again to stop immediately.');
  const rows: AblationRow[] = [];
  let worst: number = EXIT.done;
  try {
    for (const model of models) {
      say('info', `\n${model.manifest.name} at ${model.vision.resolution} px`);
      let runs: RunResult[] = [];
      if (benchmarks !== null) {
        const evaluation = evalArguments(benchmarks.names, model, options);
        const { exitCode, stdout } = await childLlavahr(evaluation, interrupt.signal);
        if (exitCode === EXIT.interrupted || interrupt.signal.aborted) return EXIT.interrupted;
        worst = worst === EXIT.done || exitCode === EXIT.failed ? exitCode : worst;
        runs = readRuns(stdout);
      }
      const speed = await measureSpeed(model, device!, options, interrupt.signal);
      if (interrupt.signal.aborted) return EXIT.interrupted;
      if (benchmarks === null && speed === null) worst = EXIT.failed;
      rows.push(ablationRow(model, device!, runs, speed));
    }
  } finally {
    interrupt.stop();
  }
  const reference = rows.find(({ isTrainedSize }) => isTrainedSize) ?? rows[0]!;
  const title = benchmarks === null ? `speed-${options.randomWeights}` : `${benchmarks.title}-${reference.model}`;
  const folder = join(options.report, title);
  await makeFolder(folder);
  for (const [name, content] of Object.entries(ablationFiles(rows, reference))) {
    await writeOutput(join(folder, name), content);
  }
  if (options.json) printJson<AblateJson>({ rows });
  else console.log(`${ablationText(rows, reference)}\n\n${folder}`);
  return worst;
}

/**
 * The benchmarks of an ablation, checked before anything is exported; null with random weights.
 * @throws UserError (usage) if they are missing or unknown, or given with random weights
 */
async function ablatedBenchmarks(
  names: string | null,
  options: AblateCommandOptions,
): Promise<AblatedBenchmarks | null> {
  const { split, protocol } = options;
  if (options.randomWeights !== undefined) {
    if (names === null) return null;
    throw usageError(
      `--random-weights measures speed and memory only, since such answers mean nothing: leave out ${names}.`,
    );
  }
  if (names === null) throw usageError('Give a benchmark: llavahr ablate textvqa --resolutions 128,256');
  const definitions = await benchmarksNamed(names, (model) => `llavahr ablate textvqa --model ${model}`);
  checkOptions(definitions, { split, protocol });
  const isAll =
    definitions.length === PAPER_BENCHMARKS.length && PAPER_BENCHMARKS.every((one) => definitions.includes(one));
  if (isAll) return { names: ['all'], title: 'all' };
  return {
    names: definitions.map(({ name, taskFile }) => taskFile?.path ?? name),
    title: definitions.map(({ name }) => name).join('-'),
  };
}

/** Arguments of the `llavahr eval` that runs one row. */
function evalArguments(
  benchmarks: readonly string[],
  { folder, vision }: Model,
  options: AblateCommandOptions,
): string[] {
  const main = options.models?.[0] ?? options.model;
  const isEmbedded = main === undefined || isSampleModel(main);
  const given: Record<string, string | number | undefined> = {
    model: folder,
    resolution: vision.resolution,
    data: options.data ?? (isEmbedded && !benchmarks.every(isTaskPath) ? SAMPLE_BENCHMARKS : undefined),
    split: options.split,
    protocol: options.protocol,
    limit: options.limit,
    'batch-size': options.batchSize,
    ...(options.devices === undefined ? { device: options.device } : { devices: options.devices }),
    threads: options.threads,
    output: options.output,
  };
  const values = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, `${value}`],
  );
  return ['eval', benchmarks.join(','), ...values, '--json', ...(options.offline ? ['--offline'] : [])];
}

/** The runs printed by `eval --json`; empty if every benchmark failed. */
function readRuns(stdout: string): RunResult[] {
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as EvalJson).runs;
}

/** Prompt and answer lengths as in LLaVA-HR's speed script, with warm-up runs added. */
const SPEED_OPTIONS = ['--prompt-tokens', '49', '--new-tokens', '10', '--warmup', '2'];

/** Times the model in a child process. Null if that failed; the child has printed why. */
async function measureSpeed(
  { folder, vision }: Model,
  device: string,
  { threads, repetitions }: AblateCommandOptions,
  signal: AbortSignal,
): Promise<AblationSpeed | null> {
  const cores = threads === undefined ? [] : ['--threads', `${threads}`];
  const what = ['--model', folder, '--resolution', `${vision.resolution}`, '--device', device, ...cores];
  const speedOptions = [...SPEED_OPTIONS, '--repetitions', `${repetitions}`, '--json'];
  const { exitCode, stdout } = await childLlavahr(['latency', ...what, ...speedOptions], signal);
  if (exitCode !== EXIT.done) return null;
  return ablationSpeed(JSON.parse(stdout) as TimingReport);
}
