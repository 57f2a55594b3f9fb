import type { Command } from 'commander';
import { helpEnd } from './help.js';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('Check the installation, devices, downloads and exported models, and suggest what to run next.')
    .option('--verify', 'check the hashes of downloads and exported models, not only size and time', false)
    .option('--json', 'print the findings as JSON', false)
    .addHelpText('after', helpEnd([['llavahr doctor --verify']]))
    .action(async (options) => {
      const { doctorCommand } = await import('../commands/doctor.js');
      process.exitCode = await doctorCommand(options);
    });
}
