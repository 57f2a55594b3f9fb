import { type Command, Option } from 'commander';
import { helpEnd } from './help.js';
import {
  baseOption,
  clipTowerOption,
  deviceOption,
  nonNegativeInteger,
  offlineOption,
  positiveInteger,
  positiveIntegers,
  precisionOption,
  randomWeightsOption,
  threadsOption,
} from './options.js';

export function addLatency(program: Command): void {
  program
    .command('latency')
    .description('Measure the speed of a model stage by stage, alone or against a second model.')
    .option('--model <model>', 'as for eval (default: llava-hr-tiny)')
    .addOption(
      randomWeightsOption(
        'in place of --model: a released model at full size with random weights, written to the cache once',
      ).conflicts(['model', 'clipTower', 'base']),
    )
    .option(
      '--vs <model>',
      'second model to alternate with, as for --model or --random-weights; llava-1.5 for the LLaVA-1.5 of the same size',
    )
    .addOption(
      new Option(
        '--protocol <protocol>',
        "paper: the settings of LLaVA-HR's speed script, next to the published speeds",
      )
        .choices(['paper'])
        .conflicts(['batchSize', 'promptTokens', 'newTokens']),
    )
    .option(
      '--resolution <pixels>',
      "the first model's input size (default: the size it was trained at)",
      positiveInteger,
    )
    .option('--batch-size <list>', 'images per batch, with one question each (default: 1)', positiveIntegers)
    .option('--prompt-tokens <list>', 'text tokens per prompt (default: 60)', positiveIntegers)
    .option('--new-tokens <n>', 'tokens to generate per question (default: 32)', positiveInteger)
    .option('--warmup <n>', 'untimed runs of each setting (default: 2; 0 with --protocol paper)', nonNegativeInteger)
    .option('--repetitions <n>', 'timed runs of each setting (default: 20; 10 with --protocol paper)', positiveInteger)
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(clipTowerOption('; with --vs, for the second model'))
    .addOption(baseOption(', for the first model'))
    .addOption(offlineOption())
    .option('--output <file>', 'also write every run to a .csv file, or the whole report to a .json file')
    .option('--json', 'print the measurements as JSON', false)
    .addHelpText(
      'after',
      helpEnd([
        ['llavahr latency --batch-size 1,8 --prompt-tokens 60,200 --vs llava-1.5'],
        [
          'llavahr latency --random-weights llava-hr-7b --precision fp16 --device cuda --vs llava-1.5 --protocol paper',
          "the paper's speed comparison, without the weights",
        ],
      ]),
    )
    .action(async (options) => {
      const { latencyCommand } = await import('../commands/latency.js');
      process.exitCode = await latencyCommand(options);
    });
}
