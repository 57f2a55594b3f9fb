import { type Command, Option } from 'commander';
import { RELEASED_MODELS } from '../model/released-architectures.js';
import { countFromZero, precisionOption, wholeNumber, wholeNumbers } from './options.js';

export function addLatency(program: Command): void {
  program
    .command('latency')
    .description('Measure the speed of a model, stage by stage, and against another one.')
    .option('--model <folder>', 'as for eval; the embedded LLaVA-HR-tiny without it')
    .addOption(
      new Option(
        '--random-weights <name>',
        'instead: the true dimensions of a released model with made-up weights, written to the cache once',
      ).choices(RELEASED_MODELS),
    )
    .option(
      '--vs <model>',
      'a second model, as --model or --random-weights; the two take turns; llava-1.5 is the one of equal size',
    )
    .addOption(
      new Option(
        '--protocol <protocol>',
        "paper: the setting of LLaVA-HR's speed script, beside the published speeds",
      ).choices(['paper']),
    )
    .option('--resolution <pixels>', "the first model's input size; its trained size without it", wholeNumber)
    .option('--batch-size <list>', 'images per batch, with one question each (default: 1)', wholeNumbers)
    .option('--prompt-tokens <list>', 'text tokens of a prompt (default: 60)', wholeNumbers)
    .option('--new-tokens <n>', 'tokens that every question gets (default: 32)', wholeNumber)
    .option('--warmup <n>', 'runs of each setting that are not counted (default: 2, or 0 for the paper)', countFromZero)
    .option(
      '--repetitions <n>',
      'runs of each setting that are counted (default: 20, or 10 for the paper)',
      wholeNumber,
    )
    .option('--device <device>', 'auto, cpu, cuda, cuda:N or webgpu', 'auto')
    .option('--threads <n>', 'CPU threads inside an operator; every core without it', wholeNumber)
    .addOption(precisionOption())
    .option('--clip-tower <folder>', 'CLIP tower of a LLaVA-1.5 checkpoint that does not hold it')
    .option('--offline', 'use no network: fail with what is missing', false)
    .option('--output <file>', 'also write every repetition to a .csv, or everything to a .json')
    .option('--json', 'print the measurement as one JSON object', false)
    .addHelpText(
      'after',
      `
Examples:
  llavahr latency --batch-size 1,8 --prompt-tokens 60,200 --vs llava-1.5
  llavahr latency --random-weights llava-hr-7b --precision fp16 --device cuda --vs llava-1.5 --protocol paper`,
    )
    .action(async (options) => {
      const { latencyCommand } = await import('../commands/latency.js');
      process.exitCode = await latencyCommand(options);
    });
}
