import type { Command } from 'commander';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('Say what is installed, which devices work, what is downloaded and intact, and what to run next.')
    .option('--verify', 'hash downloads and exported models instead of trusting their size and time', false)
    .option('--json', 'print it as one JSON object', false)
    .addHelpText('after', '\nExample:\n  llavahr doctor --verify')
    .action(async (options) => {
      const { doctorCommand } = await import('../commands/doctor.js');
      process.exitCode = await doctorCommand(options);
    });
}
