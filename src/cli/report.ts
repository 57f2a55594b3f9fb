import { type Command, Option } from 'commander';
import { helpEnd } from './help.js';
import { nonNegativeInteger } from './options.js';

export function addReport(program: Command): void {
  program
    .command('report')
    .description('Export runs as CSV, Markdown, LaTeX, JSON, a self-contained HTML page, or for other tools.')
    .argument('<runs...>', 'run folders, or a folder with run folders; anything that is not a finished run is skipped')
    .addOption(
      new Option(
        '--format <format>',
        "report format: lmms-eval is that tool's results file, eval-results the Hugging Face hub's .eval_results/*.yaml",
      )
        .choices(['csv', 'md', 'latex', 'html', 'json', 'lmms-eval', 'eval-results'])
        .default(undefined, "by the output file's name, .tex for latex; without one, csv"),
    )
    .option('-o, --output <file>', 'file to write (default: stdout)')
    .option('--bom', 'csv: begin with a byte order mark, so that Excel reads it as UTF-8', false)
    .option(
      '--thumbnails <n>',
      'html: maximum number of images, starting with those the models disagree on; 0 for none (default: 1000)',
      nonNegativeInteger,
    )
    .option('--data <folder>', "html: the benchmarks' files, if they have moved since the runs")
    .addHelpText(
      'after',
      helpEnd([
        ['llavahr report results -o report.csv', 'every finished run'],
        ['llavahr report results/textvqa-* --format latex'],
        ['llavahr report results/* -o report.html'],
      ]),
    )
    .action(async (runs, options) => {
      const { reportCommand } = await import('../commands/report.js');
      process.exitCode = await reportCommand(runs, options);
    });
}
