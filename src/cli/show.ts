import type { Command } from 'commander';
import { countFromZero, protocolOption } from './options.js';

export function addShow(program: Command): void {
  program
    .command('show')
    .description('Show one question as the model is asked it, to the character, and its right answer.')
    .argument('<benchmark>', 'see llavahr list')
    .option('--index <row>', "row in the benchmark's order, from 0", countFromZero, 0)
    .option('--data <folder>', "folder with the benchmark's annotations; the embedded sample without it")
    .option('--split <split>', "one of the benchmark's splits; its first one without it")
    .addOption(protocolOption())
    .option('--ocr-tokens', "TextVQA: the prompt with OCR tokens, from LLaVA's question file; so when it is there")
    .option('--no-ocr-tokens', 'TextVQA: the prompt without them')
    .option('--json', 'print it as JSON', false)
    .addHelpText('after', '\nExample:\n  llavahr show textvqa --index 3')
    .action(async (benchmark, options) => {
      const { showCommand } = await import('../commands/show.js');
      process.exitCode = await showCommand(benchmark, options);
    });
}
