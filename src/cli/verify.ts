import type { Command } from 'commander';
import { precisionOption, wholeNumber } from './options.js';

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('Compare a quantised model with the same checkpoint in fp32: answers, logits, visual tokens, score.')
    .argument('<model>', 'exported model, checkpoint or name, as for eval --model')
    .requiredOption('--against <model>', 'the model to compare with; a checkpoint is taken in fp32')
    .addOption(precisionOption())
    .option('--resolution <pixels>', 'input size; the size the model was trained at without it', wholeNumber)
    .option('--benchmark <benchmark>', 'whose questions are asked; those of the embedded TextVQA sample without it')
    .option('--data <folder>', "folder with the benchmark's files; as for eval without it")
    .option('--limit <n>', 'only the first n questions', wholeNumber)
    .option('--threads <n>', 'CPU threads inside an operator; every core without it', wholeNumber, 0)
    .option('--offline', 'use no network: fail with what is missing', false)
    .option('--json', 'print the comparison as one JSON object', false)
    .addHelpText(
      'after',
      `
Both models run on the CPU, one after the other. The exit code is 0 however much they differ.

Examples:
  llavahr verify llava-hr-tiny --precision int8 --against llava-hr-tiny
  llavahr verify models/llava-hr-7b-int4 --against models/llava-hr-7b --benchmark pope --limit 100`,
    )
    .action(async (model, options) => {
      const { verifyCommand } = await import('../commands/verify.js');
      process.exitCode = await verifyCommand(model, options);
    });
}
