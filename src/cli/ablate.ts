import { type Command, Option } from 'commander';
import { helpEnd } from './help.js';
import {
  batchSize,
  benchmarkProtocolOption,
  deviceOption,
  devicesOption,
  offlineOption,
  positiveInteger,
  positiveIntegers,
  precisionOption,
  randomWeightsOption,
  splitOption,
  threadsOption,
} from './options.js';

export function addAblate(program: Command): void {
  program
    .command('ablate')
    .description('Evaluate and time a model at several input resolutions and tabulate the results.')
    .argument(
      '[benchmarks]',
      "a benchmark or a task file, or several with commas; all for the paper's, extra for the others (see `llavahr list`)",
    )
    .option('--model <model>', 'as for eval (default: llava-hr-tiny)')
    .addOption(
      randomWeightsOption(
        'in place of --model and benchmarks: a released model at full size with random weights; speed and memory only',
      ).conflicts(['model', 'models', 'data', 'split', 'protocol', 'limit', 'batchSize', 'devices', 'output']),
    )
    .option('--resolutions <list>', 'comma-separated input sizes in pixels', positiveIntegers)
    .addOption(
      new Option(
        '--models <list>',
        'in place of --model and --resolutions: checkpoints trained at different sizes, each run at its own size',
      )
        .argParser(names)
        .conflicts(['model', 'resolutions']),
    )
    .option(
      '--also <list>',
      'further models to run at their own size and at the larger ones: names, folders, or llava-1.5 for the ' +
        'LLaVA-1.5 of the same size',
      names,
    )
    .option('--data <folder>', "folder with the benchmark's files, as for eval")
    .addOption(offlineOption())
    .addOption(splitOption())
    .addOption(benchmarkProtocolOption())
    .option('--limit <n>', 'only the first n questions', positiveInteger)
    .option('--batch-size <n>', 'images per batch: auto or a number', batchSize, 'auto')
    .addOption(deviceOption())
    .addOption(devicesOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .option('--repetitions <n>', 'timed runs of each size, after two to warm up', positiveInteger, 10)
    .option('--output <folder>', 'where run folders are created', 'results')
    .option('--report <folder>', 'where tables and plots are written', 'ablations')
    .option('--json', 'print the table as JSON', false)
    .addHelpText(
      'after',
      helpEnd(
        [
          ['llavahr ablate textvqa --resolutions 128,256,384 --also llava-1.5', 'embedded models and sample'],
          [
            'llavahr ablate textvqa,pope,mme --model llava-hr-7b --resolutions 384,768,1024,1536 --also llava-1.5 ' +
              '--device cuda',
          ],
          [
            'llavahr ablate --random-weights llava-hr-7b --resolutions 384,768,1024,1536 --precision int8 --repetitions 3',
            'speed and memory, without the weights',
          ],
        ],
        'To resume an interrupted ablation, rerun the same command.',
      ),
    )
    .allowExcessArguments()
    .action(async (_benchmarks, options, { args }: Command) => {
      const { oneList } = await import('../commands/name-benchmarks.js');
      const { ablateCommand } = await import('../commands/ablate.js');
      process.exitCode = await ablateCommand(args.length === 0 ? null : await oneList('ablate', args), options);
    });
}

function names(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}
