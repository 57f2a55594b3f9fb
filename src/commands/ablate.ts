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
import { ablationFiles, ablationText } from '../results/reports/ablation-report.js';
import type { AblationRow, AblationSpeed } from '../results/reports/ablation-table.js';
import type { TimingReport } from '../results/reports/timing-report.js';
import type { RunResult } from '../results/runs/load-run.js';
import { EXIT } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { makeFolder } from '../shared/make-folder.js';
import { writeOutput } from '../shared/write-output.js';
import { childLlavahr } from './child-llavahr.js';
import { interruptible } from './interrupt.js';
import { type AblateJson, type EvalJson, printJson } from './json-output.js';
import { benchmarksNamed } from './name-benchmarks.js';

export interface AblateCommandOptions {
  model?: string;
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
  precision: Precision;
  output: string;
  report: string;
  json: boolean;
}

/**
 * `llavahr ablate`: runs `llavahr eval` and `llavahr latency` as child processes for each model and size. Prints the table
 * on stdout and writes it, with plots, to the report folder.
 */
export async function ablateCommand(names: string, options: AblateCommandOptions): Promise<number> {
  const definitions = await benchmarksNamed(names, (model) => `llavahr ablate textvqa --model ${model}`);
  const isAll =
    definitions.length === PAPER_BENCHMARKS.length && PAPER_BENCHMARKS.every((one) => definitions.includes(one));
  const benchmarks = isAll ? 'all' : definitions.map(({ name, taskFile }) => taskFile?.path ?? name).join(',');
  const title = isAll ? 'all' : definitions.map(({ name }) => name).join('-');
  const devices = options.devices === undefined ? [parseDevice(options.device)] : parseDevices(options.devices);
  checkOptions(definitions, { split: options.split, protocol: options.protocol }); // before anything is exported
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
      const { exitCode, stdout } = await childLlavahr(evalArguments(benchmarks, model, options), interrupt.signal);
      if (exitCode === EXIT.interrupted || interrupt.signal.aborted) return EXIT.interrupted;
      worst = worst === EXIT.done || exitCode === EXIT.failed ? exitCode : worst;
      const speed = await measureSpeed(model, device!, options, interrupt.signal);
      if (interrupt.signal.aborted) return EXIT.interrupted;
      rows.push(ablationRow(model, device!, readRuns(stdout), speed));
    }
  } finally {
    interrupt.stop();
  }
  const reference = rows.find(({ isTrainedSize }) => isTrainedSize) ?? rows[0]!;
  const folder = join(options.report, `${title}-${reference.model}`);
  await makeFolder(folder);
  for (const [name, content] of Object.entries(ablationFiles(rows, reference))) {
    await writeOutput(join(folder, name), content);
  }
  if (options.json) printJson<AblateJson>({ rows });
  else console.log(`${ablationText(rows, reference)}\n\n${folder}`);
  return worst;
}

/** Arguments of the `llavahr eval` that runs one row. */
function evalArguments(benchmarks: string, { folder, vision }: Model, options: AblateCommandOptions): string[] {
  const main = options.models?.[0] ?? options.model;
  const isEmbedded = main === undefined || isSampleModel(main);
  const given: Record<string, string | number | undefined> = {
    model: folder,
    resolution: vision.resolution,
    data: options.data ?? (isEmbedded && !benchmarks.split(',').every(isTaskPath) ? SAMPLE_BENCHMARKS : undefined),
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
  return ['eval', benchmarks, ...values, '--json', ...(options.offline ? ['--offline'] : [])];
}

/** The runs printed by `eval --json`; empty if every benchmark failed. */
function readRuns(stdout: string): RunResult[] {
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as EvalJson).runs;
}

/** Prompt and answer lengths as in LLaVA-HR's speed script, with warm-up runs added. */
const SPEED_OPTIONS = ['--prompt-tokens', '49', '--new-tokens', '10', '--warmup', '2', '--repetitions', '10'];

/** Times the model in a child process. Null if that failed; the child has printed why. */
async function measureSpeed(
  { folder, vision }: Model,
  device: string,
  { threads }: AblateCommandOptions,
  signal: AbortSignal,
): Promise<AblationSpeed | null> {
  const cores = threads === undefined ? [] : ['--threads', `${threads}`];
  const what = ['--model', folder, '--resolution', `${vision.resolution}`, '--device', device, ...cores];
  const { exitCode, stdout } = await childLlavahr(['latency', ...what, ...SPEED_OPTIONS, '--json'], signal);
  if (exitCode !== EXIT.done) return null;
  return ablationSpeed(JSON.parse(stdout) as TimingReport);
}
