import type { Command } from 'commander';
import { helpEnd } from './help.js';

export function addRuns(program: Command): void {
  program
    .command('runs')
    .description('List run folders with their model, settings, progress and score.')
    .argument('[folder]', 'the --output folder of eval', 'results')
    .option('--json', 'print the list as JSON', false)
    .addHelpText('after', helpEnd([['llavahr runs results']]))
    .action(async (folder, options) => {
      const { runsCommand } = await import('../commands/runs.js');
      process.exitCode = await runsCommand(folder, options);
    });
}
