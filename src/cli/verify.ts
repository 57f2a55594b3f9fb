import type { Command } from 'commander';
import { helpEnd } from './help.js';
import { offlineOption, positiveInteger, precisionOption, threadsOption } from './options.js';

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('Compare a quantised model with its fp32 version: answers, logits, visual tokens, score.')
    .argument('<model>', 'exported model, checkpoint or name, as for eval --model')
    .requiredOption('--against <model>', 'model to compare with; a checkpoint is exported in fp32')
    .addOption(precisionOption())
    .option('--resolution <pixels>', 'input size (default: the size the model was trained at)', positiveInteger)
    .option(
      '--benchmark <benchmark>',
      'benchmark or task file whose questions to ask (default: the embedded TextVQA sample)',
    )
    .option('--data <folder>', "folder with the benchmark's files (default: as for eval)")
    .option('--limit <n>', 'only the first n questions', positiveInteger)
    .addOption(threadsOption())
    .addOption(offlineOption())
    .option('--json', 'print the comparison as JSON', false)
    .addHelpText(
      'after',
      helpEnd(
        [
          ['llavahr verify llava-hr-tiny --precision int8 --against llava-hr-tiny'],
          ['llavahr verify models/llava-hr-7b-int4 --against models/llava-hr-7b --benchmark pope --limit 100'],
        ],
        'Both models run on the CPU, one after the other. The exit code is 0 however much they differ.',
      ),
    )
    .action(async (model, options) => {
      const { verifyCommand } = await import('../commands/verify.js');
      process.exitCode = await verifyCommand(model, options);
    });
}
