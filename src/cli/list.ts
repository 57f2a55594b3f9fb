import type { Command } from 'commander';

export function addList(program: Command): void {
  program
    .command('list')
    .description('List the benchmarks: splits, sizes, metrics, and where they are scored.')
    .option('--published', 'the published numbers of LLaVA-HR and LLaVA-1.5 instead, each with its source', false)
    .option('--validate', 'check datasets.json, the list of downloads, instead', false)
    .option('--json', 'print them as JSON', false)
    .addHelpText('after', '\nExamples:\n  llavahr list\n  llavahr list --published')
    .action(async (options) => {
      const { listCommand } = await import('../commands/list.js');
      process.exitCode = await listCommand(options);
    });
}
