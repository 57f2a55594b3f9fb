import { type Command, Option } from 'commander';

export function addReport(program: Command): void {
  program
    .command('report')
    .description('Write result folders as a table for a spreadsheet, a paper or a program.')
    .argument('<runs...>', 'result folders')
    .addOption(new Option('--format <format>', 'of the report').choices(['csv', 'md', 'latex', 'json']).default('csv'))
    .option('-o, --output <file>', 'file to write; stdout without it')
    .addHelpText(
      'after',
      `
Examples:
  llavahr report results/* -o report.csv
  llavahr report results/textvqa-* --format latex`,
    )
    .action(async (runs, options) => {
      const { reportCommand } = await import('../commands/report.js');
      process.exitCode = await reportCommand(runs, options);
    });
}
