import type { Protocol } from '../benchmarks/benchmark.js';
import { findBenchmark } from '../benchmarks/registry.js';
import { EXIT } from '../errors.js';
import { evaluate } from '../evaluation/evaluate.js';
import { resolveModel } from '../evaluation/resolve-model.js';
import { SAMPLE_MODEL, sampleData } from '../evaluation/sample.js';
import type { Precision } from '../model/export/layers.js';
import { parseDevice } from '../model/inference/device.js';
import { startByteProgress } from '../results/byte-progress.js';
import { runSummary } from '../results/run-summary.js';

export interface EvalCommandOptions {
  model?: string;
  data?: string;
  resolution?: number;
  split?: string;
  protocol: Protocol;
  ocrTokens?: boolean;
  limit?: number;
  batchSize: number | 'auto';
  device: string;
  threads?: number;
  precision: Precision;
  clipTower?: string;
  output: string;
  fresh: boolean;
  json: boolean;
}

/** `llavahr eval`: the result on stdout, everything else on stderr. */
export async function evalCommand(name: string, options: EvalCommandOptions): Promise<number> {
  const device = parseDevice(options.device);
  const { split, protocol, ocrTokens, limit, resolution, precision, clipTower } = options;
  const definition = findBenchmark(name);
  const benchmark = await definition.load(options.data ?? sampleData(name), { split, protocol, ocrTokens, limit });
  const exporting = startByteProgress(process.stderr);
  const choice = { folder: options.model ?? SAMPLE_MODEL, resolution, precision, clipTower };
  const model = await resolveModel(choice, exporting.update).finally(exporting.stop);

  const interrupt = interruptible();
  const { batchSize, output, fresh } = options;
  const shared = { benchmark, model, device, batchSize, output, fresh };
  const evaluation = await evaluate({
    ...shared,
    threads: options.threads ?? 0,
    argv: process.argv.slice(2),
    signal: interrupt.signal,
    stream: process.stderr,
  }).finally(async () => {
    interrupt.stop();
    await benchmark.images.close();
  });

  if (evaluation.state === 'interrupted') {
    const { answered, folder } = evaluation;
    console.error(
      `Interrupted: ${answered} of ${benchmark.questions.length} answers are in ${folder}. The same command continues.`,
    );
    return EXIT.interrupted;
  }
  const { result, wasComplete } = evaluation;
  if (wasComplete) console.error('This run is complete already; --fresh makes it again.');
  console.log(options.json ? JSON.stringify(result, null, 2) : runSummary(result));
  if (result.metrics.failed === 0) return EXIT.done;
  console.error(
    `${result.metrics.failed} of ${result.metrics.n} questions have no answer; the same command tries them again.`,
  );
  return EXIT.someSamplesFailed;
}

/** A signal that the first Ctrl-C raises; the second ends the process at once. */
function interruptible(): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const onInterrupt = (): void => {
    process.stderr.write('\nStopping after this batch; Ctrl-C again stops at once.\n');
    controller.abort();
  };
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onInterrupt);
  return {
    signal: controller.signal,
    stop() {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onInterrupt);
    },
  };
}
