import { type Command, Option } from 'commander';
import { countFromZero } from './options.js';

export function addReport(program: Command): void {
  program
    .command('report')
    .description('Write result folders for a spreadsheet, a paper, a program or, as a web page, for people.')
    .argument('<runs...>', 'result folders')
    .addOption(
      new Option('--format <format>', 'of the report').choices(['csv', 'md', 'latex', 'html', 'json']).default('csv'),
    )
    .option('-o, --output <file>', 'file to write; stdout without it')
    .option(
      '--thumbnails <n>',
      'html: show at most so many images, disputed ones first; 0 for none (default: 1000)',
      countFromZero,
    )
    .option('--data <folder>', "html: where the benchmarks' files are, if they have moved since the runs were made")
    .addHelpText(
      'after',
      `
Examples:
  llavahr report results/* -o report.csv
  llavahr report results/textvqa-* --format latex
  llavahr report results/* --format html -o report.html`,
    )
    .action(async (runs, options) => {
      const { reportCommand } = await import('../commands/report.js');
      process.exitCode = await reportCommand(runs, options);
    });
}
