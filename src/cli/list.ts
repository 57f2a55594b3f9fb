import { type Command, Option } from 'commander';
import { helpEnd } from './help.js';

export function addList(program: Command): void {
  program
    .command('list')
    .description('List the benchmarks with their splits, sizes, metrics and where they are scored.')
    .argument(
      '[benchmarks]',
      "benchmarks or task files, comma-separated; all for the paper's, extra for the others (default: both)",
    )
    .option('--published', 'list the published scores of LLaVA-HR and LLaVA-1.5, with their sources', false)
    .addOption(
      new Option('--validate', 'check datasets.json, the list of downloads').default(false).conflicts('published'),
    )
    .option('--json', 'print the list as JSON', false)
    .addHelpText('after', helpEnd([['llavahr list'], ['llavahr list --published']]))
    .action(async (benchmarks, options) => {
      const { listCommand } = await import('../commands/list.js');
      process.exitCode = await listCommand(options, benchmarks);
    });
}
