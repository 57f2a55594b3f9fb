import { type AskedData, loadAskedBenchmark } from '../evaluation/load-asked-benchmark.js';
import { mergeShards } from '../evaluation/merge-shards.js';
import { runSummary } from '../results/reports/run-summary.js';
import { readShards } from '../results/runs/read-shards.js';
import { EXIT } from '../shared/errors.js';
import { messageStream, say } from '../shared/log.js';
import { sayFailures } from './say-failures.js';

export interface MergeCommandOptions extends Pick<AskedData, 'data' | 'questions'> {
  output: string;
  fresh: boolean;
  json: boolean;
}

/** `llavahr merge`: combines shards and prints the result as eval does for a whole run. */
export async function mergeCommand(folders: readonly string[], options: MergeCommandOptions): Promise<number> {
  const { output, fresh, json } = options;
  const { shards, identity } = await readShards(folders);
  const recorded = shards[0]!.record.sessions.at(-1)!.settings['data'];
  const { data, questions } = options;
  const named = { data, questions, recorded: typeof recorded === 'string' ? recorded : undefined };
  const benchmark = await loadAskedBenchmark(identity, named);
  const [argv, stream] = [process.argv.slice(2), messageStream()];
  const merged = await mergeShards({ shards, identity, benchmark, output, fresh, argv, stream });
  const { result, wasComplete } = merged;
  const { failed, n } = result.metrics;
  if (wasComplete) say('info', 'This run is already complete. Use --fresh to merge it again.');
  sayFailures(failed, n, result.metrics.failures, 'the eval commands of the shards, then this one');
  console.log(json ? JSON.stringify(result, null, 2) : runSummary(result));
  return failed > 0 ? EXIT.someSamplesFailed : EXIT.done;
}
