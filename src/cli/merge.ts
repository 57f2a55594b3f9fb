import type { Command } from 'commander';
import { helpEnd } from './help.js';

export function addMerge(program: Command): void {
  program
    .command('merge')
    .description('Combine the shards of a run and score the answers.')
    .argument('<shards...>', 'run folders made by `llavahr eval --shard`, in any order')
    .option(
      '--data <folder>',
      'as given to eval (default: where the shards found their files, else the embedded sample or the download)',
    )
    .option('--questions <file>', 'custom: the questions given to eval')
    .option('--task <file>', 'task file of your own, as given to eval (default: where the shards found it)')
    .option('--output <folder>', 'where the run folder is created', 'results')
    .option('--fresh', 'merge again; the earlier run folder is kept under another name', false)
    .option('--json', 'print the result as JSON', false)
    .addHelpText(
      'after',
      helpEnd(
        [
          ['for i in 1 2 3; do llavahr eval textvqa --shard $i/3; done'],
          ['llavahr merge results/textvqa-*-shard-*-of-3'],
        ],
        'The result is the same as that of one eval without --shard. Times are summed over the shards, so rates are per ' +
          'process.',
      ),
    )
    .action(async (shards, options) => {
      const { mergeCommand } = await import('../commands/merge.js');
      process.exitCode = await mergeCommand(shards, options);
    });
}
