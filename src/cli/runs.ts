import type { Command } from 'commander';

export function addRuns(program: Command): void {
  program
    .command('runs')
    .description('List the result folders in a folder: what was asked of which model, how far it is, what it scored.')
    .argument('[folder]', 'the --output of eval', 'results')
    .option('--json', 'print them as JSON', false)
    .addHelpText('after', '\nExample:\n  llavahr runs results')
    .action(async (folder, options) => {
      const { runsCommand } = await import('../commands/runs.js');
      process.exitCode = await runsCommand(folder, options);
    });
}
