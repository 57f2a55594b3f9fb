import { existsSync } from 'node:fs';
import { type AskedData, loadAskedBenchmark } from '../evaluation/load-asked-benchmark.js';
import { mergeShards } from '../evaluation/merge-shards.js';
import { TASK_FILE } from '../evaluation/run-definition.js';
import { runSummary } from '../results/reports/run-summary.js';
import { readShards } from '../results/runs/read-shards.js';
import { commandLine } from '../shared/command-line.js';
import { EXIT, UserError } from '../shared/errors.js';
import { messageStream, say } from '../shared/log.js';

import { type EvalJson, printJson } from './json-output.js';
import { sayFailures } from './say-failures.js';

export interface MergeCommandOptions extends Pick<AskedData, 'data' | 'questions' | 'task'> {
  output: string;
  fresh: boolean;
  json: boolean;
}

/** `llavahr merge`: combines shards and prints the result as eval does for a whole run. */
export async function mergeCommand(folders: readonly string[], options: MergeCommandOptions): Promise<number> {
  const { output, fresh, json } = options;
  const { shards, identity } = await readShards(folders);
  const { settings } = shards[0]!.record.sessions.at(-1)!;
  const { data, questions } = options;
  const task = options.task ?? recordedTask(textOf(settings[TASK_FILE]));
  const named = { data, questions, task, recorded: textOf(settings['data']) };
  const benchmark = await loadAskedBenchmark(identity, named);
  const [argv, stream] = [commandLine(), messageStream()];
  const merged = await mergeShards({ shards, identity, benchmark, output, fresh, argv, stream });
  const { result, wasComplete } = merged;
  const { failed, n } = result.metrics;
  if (wasComplete) say('info', 'This run is already complete. Use --fresh to merge it again.');
  sayFailures(failed, n, result.metrics.failures, 'the eval commands of the shards, then this one');
  if (json) printJson<EvalJson>({ runs: [result], shards: [] });
  else console.log(runSummary(result));
  return failed > 0 ? EXIT.someSamplesFailed : EXIT.done;
}

function recordedTask(path: string | undefined): string | undefined {
  if (path === undefined || existsSync(path)) return path;
  throw new UserError(`${path}, the task file of these shards, does not exist. Say where it is with --task.`);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
