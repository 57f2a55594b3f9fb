import { type Command, Option } from 'commander';
import type { SortKey } from '../results/reports/compare.js';
import { helpEnd } from './help.js';

const SORT_KEYS: readonly SortKey[] = ['score', 'difference', 'latency', 'name'];

export function addCompare(program: Command): void {
  program
    .command('compare')
    .description('Compare runs: scores, differences with significance tests, latency, published numbers.')
    .argument('<run or model...>', 'run folders, or model names for all their finished runs')
    .option('--results <folder>', 'where to search for the runs of models given by name', 'results')
    .option('--baseline <run or model>', 'run or model to compare with (default: the first)')
    .option('--metric <name>', "score to compare (default: each benchmark's main score)")
    .addOption(new Option('--sort <key>', 'order of the rows').choices(SORT_KEYS).default(undefined, 'as given'))
    .addOption(
      new Option('--format <format>', 'write scores, differences, intervals and p-values in this format')
        .choices(['csv', 'md', 'latex', 'json'])
        .default(undefined, "by the output file's name; without one, tables for a terminal"),
    )
    .option('-o, --output <file>', 'file to write (default: stdout)')
    .option('--bom', 'csv: begin with a byte order mark, so that Excel reads it as UTF-8', false)
    .addOption(new Option('--json', 'same as --format json').default(false).conflicts('format'))
    .addHelpText(
      'after',
      helpEnd([
        ['llavahr compare llava-1.5-tiny llava-hr-tiny'],
        ['llavahr compare llava-1.5-tiny llava-hr-tiny -o comparison.tex', 'a table for a paper'],
        ['llavahr compare results/textvqa-llava-1.5-tiny-* results/textvqa-llava-hr-tiny-* --sort score'],
      ]),
    )
    .action(async (runs, options) => {
      const { compareCommand } = await import('../commands/compare.js');
      process.exitCode = await compareCommand(runs, options);
    });
}
