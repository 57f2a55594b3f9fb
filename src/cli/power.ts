import { type Command, InvalidArgumentError, Option } from 'commander';
import { helpEnd } from './help.js';

export function addPower(program: Command): void {
  program
    .command('power')
    .description('Compute, before a run, which difference between two models a number of questions can show.')
    .argument('[benchmarks]', "comma-separated names; all for the paper's, extra for the others", 'all')
    .option(
      '--difference <points>',
      'print how many questions show a difference of this many percentage points (default: print the smallest ' +
        'difference that all questions of the split show)',
      percentage,
    )
    .option(
      '--disagreement <list>',
      'percentages of the questions that exactly one of the models answers correctly (default: 5,10,20)',
      percentages,
    )
    .addOption(
      new Option(
        '--pilot <run or model...>',
        'two runs or models from which to estimate how much they differ; runs over part of the questions will do',
      ).conflicts('disagreement'),
    )
    .option('--results <folder>', 'pilot: where to search for the runs of models given by name (default: results)')
    .option('--json', 'print the differences as JSON', false)
    .addHelpText(
      'after',
      helpEnd(
        [
          ['llavahr power textvqa,pope'],
          ['llavahr power --difference 1'],
          ['llavahr power --pilot llava-1.5-tiny llava-hr-tiny', 'from their finished runs'],
        ],
        'Tests are two-sided at the 5 % level and find the difference in 80 % of cases.',
      ),
    )
    .action(async (benchmarks, options) => {
      const { powerCommand } = await import('../commands/power.js');
      process.exitCode = await powerCommand(benchmarks, options);
    });
}

function percentages(text: string): number[] {
  return text.split(',').map(percentage);
}

function percentage(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 100) return value;
  throw new InvalidArgumentError('Give a number above 0 and up to 100.');
}
