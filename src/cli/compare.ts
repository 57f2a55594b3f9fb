import { type Command, Option } from 'commander';
import type { SortKey } from '../results/reports/compare.js';

const SORT_KEYS: readonly SortKey[] = ['score', 'difference', 'latency', 'name'];

export function addCompare(program: Command): void {
  program
    .command('compare')
    .description('Compare runs: scores, differences with their tests, latency, published numbers.')
    .argument('<run or model...>', 'result folders, or names of models for all their finished runs')
    .option('--results <folder>', 'where the runs of models are looked for', 'results')
    .option('--baseline <run or model>', 'what differences are to; the first without it')
    .option('--metric <name>', "score to compare; each benchmark's main score without it")
    .addOption(new Option('--sort <key>', "order of a benchmark's rows; as named without it").choices(SORT_KEYS))
    .option('--json', 'print the comparison as one JSON object', false)
    .addHelpText(
      'after',
      `
Examples:
  llavahr compare llava-1.5-tiny llava-hr-tiny
  llavahr compare results/textvqa-llava-1.5-tiny-* results/textvqa-llava-hr-tiny-* --sort score`,
    )
    .action(async (runs, options) => {
      const { compareCommand } = await import('../commands/compare.js');
      process.exitCode = await compareCommand(runs, options);
    });
}
