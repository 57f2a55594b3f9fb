import type { Command } from 'commander';

export function addCompare(program: Command): void {
  program
    .command('compare')
    .description('Compare result folders: score, latency, visual tokens.')
    .argument('<runs...>', 'result folders; differences are to the first')
    .option('--json', 'print the comparison as one JSON object', false)
    .addHelpText(
      'after',
      `
Example:
  llavahr compare results/textvqa-llava-1.5-tiny-* results/textvqa-llava-hr-tiny-*`,
    )
    .action(async (runs, options) => {
      const { compareCommand } = await import('../commands/compare.js');
      process.exitCode = await compareCommand(runs, options);
    });
}
