import type { Command } from 'commander';
import { batchSize, precisionOption, protocolOption, wholeNumber, wholeNumbers } from './options.js';

export function addAblate(program: Command): void {
  program
    .command('ablate')
    .description('Run benchmarks at several input resolutions and write the resolution table.')
    .argument('<benchmarks>', 'one, a comma-separated list, or all (see llavahr list)')
    .option('--model <folder>', 'as for eval; the embedded LLaVA-HR-tiny without it')
    .option('--resolutions <list>', 'input sizes in pixels, comma-separated', wholeNumbers)
    .option('--models <list>', 'instead: checkpoints that were trained at different sizes, each run at its own', names)
    .option(
      '--also <list>',
      'models beside it, at their own size and the larger ones: names, folders, or llava-1.5 for the one of equal size',
      names,
    )
    .option('--data <folder>', "folder with the benchmark's files, as for eval")
    .option('--offline', 'use no network: fail with what is missing', false)
    .option('--split <split>', "one of the benchmark's splits; its first one without it")
    .addOption(protocolOption())
    .option('--limit <n>', 'only the first n questions', wholeNumber)
    .option('--batch-size <n>', 'images per batch: auto or a number', batchSize, 'auto')
    .option('--device <device>', 'auto, cpu, cuda, cuda:N or webgpu', 'auto')
    .option('--threads <n>', 'CPU threads inside an operator; every core without it', wholeNumber)
    .addOption(precisionOption())
    .option('--output <folder>', 'where result folders go', 'results')
    .option('--report <folder>', 'where the tables and plots go', 'ablations')
    .option('--json', 'print the table as one JSON object', false)
    .addHelpText(
      'after',
      `
Interrupted ablations continue when the same command is given again.

Examples:
  llavahr ablate textvqa --resolutions 128,256,384 --also llava-1.5         embedded models, embedded sample
  llavahr ablate textvqa,pope,mme --model llava-hr-7b --resolutions 384,768,1024,1536 --also llava-1.5 --device cuda`,
    )
    .action(async (benchmarks, options) => {
      const { ablateCommand } = await import('../commands/ablate.js');
      process.exitCode = await ablateCommand(benchmarks, options);
    });
}

function names(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}
