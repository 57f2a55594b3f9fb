import type { Command } from 'commander';

export function addMerge(program: Command): void {
  program
    .command('merge')
    .description('Put the result folders of all shards of a run together and score the answers.')
    .argument('<shards...>', 'result folders that eval --shard made, in any order')
    .option(
      '--data <folder>',
      'the folder given to eval; without it where the shards found the files, the embedded sample, or what was downloaded',
    )
    .option('--questions <file>', 'custom: the questions given to eval')
    .option('--output <folder>', 'where the result folder goes', 'results')
    .option('--fresh', 'merge again, keeping the earlier result folder under another name', false)
    .option('--json', 'print the result as one JSON object', false)
    .addHelpText(
      'after',
      `
The result is that of the same eval without --shard. Rates are per process: times are added up over the shards.

Example:
  for i in 1 2 3; do llavahr eval textvqa --shard $i/3; done
  llavahr merge results/textvqa-*-shard-*-of-3`,
    )
    .action(async (shards, options) => {
      const { mergeCommand } = await import('../commands/merge.js');
      process.exitCode = await mergeCommand(shards, options);
    });
}
