import { extname } from 'node:path';
import { downloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { chooseTimedModels } from '../evaluation/choose-compared-models.js';
import { timeModels } from '../evaluation/time-models.js';
import type { PlannedRun } from '../evaluation/timing-plan.js';
import { timingRows } from '../evaluation/timing-rows.js';
import { deviceName, parseDevice } from '../model/inference/device.js';
import { checkDevices } from '../model/inference/device-trial.js';
import type { Model } from '../model/model-folder.js';
import type { Precision } from '../model/precision.js';
import type { ReleasedModel } from '../model/released-architectures.js';
import type { TimedSetting } from '../results/reports/timed-runs.js';
import { type TimingReport, timingCsv, timingTables } from '../results/reports/timing-report.js';
import { describeHost, describeSoftware } from '../results/runs/host.js';
import { EXIT, usageError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { VERSION } from '../shared/version.js';
import { visibleJson } from '../shared/visible-text.js';
import { writeOutput } from '../shared/write-output.js';
import { interruptible } from './interrupt.js';

export interface LatencyCommandOptions {
  model?: string;
  randomWeights?: ReleasedModel;
  vs?: string;
  protocol?: 'paper';
  resolution?: number;
  batchSize?: number[];
  promptTokens?: number[];
  newTokens?: number;
  warmup?: number;
  repetitions?: number;
  device: string;
  threads?: number;
  precision?: Precision;
  clipTower?: string;
  base?: string;
  offline: boolean;
  output?: string;
  json: boolean;
}

/**
 * Settings of LLaVA-HR's model_speed.py: one image, "Describe this photo in detail." (49 text tokens in the vicuna_v1
 * template), ten calls with ten new tokens each, no warm-up. It times vision and generation together.
 */
const PAPER = { batchSize: [1], promptTokens: [49], newTokens: 10, warmup: 0, repetitions: 10 };
const DEFAULTS = { batchSize: [1], promptTokens: [60], newTokens: 32, warmup: 2, repetitions: 20 };
/** The start token before the image and one token after it. */
const MIN_PROMPT_TOKENS = 2;

/** `llavahr latency`: prints tables on stdout and progress on stderr. */
export async function latencyCommand(options: LatencyCommandOptions): Promise<number> {
  const device = parseDevice(options.device);
  checkOptions(options);
  const { batchSize, promptTokens, newTokens, warmup, repetitions } = {
    ...(options.protocol === 'paper' ? PAPER : DEFAULTS),
    ...given(options),
  };
  const settings = batchSize.flatMap((images) =>
    promptTokens.map((tokens): TimedSetting => ({ batchSize: images, promptTokens: tokens, newTokens })),
  );
  await checkDevices([device]);
  const downloads = downloadsOnDemand(options.offline);
  const models = await chooseTimedModels(options, downloads).finally(downloads.close);

  const interrupt = interruptible('Stopping after the current run. Press Ctrl-C again to stop immediately.');
  const timings = await timeModels(models, settings, {
    device,
    threads: options.threads ?? 0,
    warmup,
    repetitions,
    timePrefill: options.protocol !== 'paper',
    signal: interrupt.signal,
    onRun: progressOf(models, settings),
  }).finally(interrupt.stop);

  const report: TimingReport = {
    schemaVersion: 1,
    protocol: options.protocol ?? null,
    host: describeHost(),
    software: describeSoftware(VERSION),
    device: deviceName(device),
    threads: options.threads ?? 0,
    warmup,
    repetitions,
    interrupted: interrupt.signal.aborted,
    together: timings.together,
    rows: timingRows(models, settings, timings, options.protocol === 'paper'),
  };
  if (report.rows.length > 0) {
    if (options.output !== undefined) await writeReport(options.output, report);
    console.log(options.json ? visibleJson(report) : timingTables(report));
  }
  const failures = timings.failures.filter((message) => message !== null);
  for (const message of failures) say('error', `error: ${message}`);
  if (report.interrupted) return EXIT.interrupted;
  return failures.length > 0 ? EXIT.failed : EXIT.done;
}

/** @throws UserError (usage) for values that cannot be measured or written */
function checkOptions({ promptTokens, output }: LatencyCommandOptions): void {
  if (promptTokens?.some((tokens) => tokens < MIN_PROMPT_TOKENS)) {
    throw usageError(`--prompt-tokens must be at least ${MIN_PROMPT_TOKENS}.`);
  }
  if (output !== undefined && !['.csv', '.json'].includes(extname(output))) {
    throw usageError(`--output must end in .csv or .json, got "${output}".`);
  }
}

/** The measurement options set on the command line. */
function given({ batchSize, promptTokens, newTokens, warmup, repetitions }: LatencyCommandOptions) {
  return {
    ...(batchSize && { batchSize }),
    ...(promptTokens && { promptTokens }),
    ...(newTokens !== undefined && { newTokens }),
    ...(warmup !== undefined && { warmup }),
    ...(repetitions !== undefined && { repetitions }),
  };
}

const PROGRESS_INTERVAL_MS = 10_000;

/** Reports progress on stderr, at most every ten seconds. */
function progressOf(models: readonly Model[], settings: readonly TimedSetting[]) {
  let last = performance.now();
  return (done: number, of: number, { model, setting }: PlannedRun): void => {
    if (performance.now() - last < PROGRESS_INTERVAL_MS) return;
    last = performance.now();
    const { manifest, vision } = models[model]!;
    const { batchSize, promptTokens } = settings[setting]!;
    const next = `${manifest.name} at ${vision.resolution} px, batch size ${batchSize}, ${promptTokens} prompt tokens`;
    say('info', `${done} of ${of} runs done; next: ${next}`);
  };
}

async function writeReport(path: string, report: TimingReport): Promise<void> {
  const text = extname(path) === '.csv' ? timingCsv(report) : `${JSON.stringify(report, null, 2)}\n`;
  await writeOutput(path, text);
}
