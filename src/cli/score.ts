import type { Command } from 'commander';
import { helpEnd } from './help.js';
import { ocrTokensOption, protocolOption, splitOption } from './options.js';

export function addScore(program: Command): void {
  program
    .command('score')
    .description('Score predictions made by any program; no model is needed.')
    .argument('<benchmark>', 'see `llavahr list`')
    .requiredOption(
      '--predictions <path>',
      "file or folder: LLaVA's JSON Lines (whole or in chunks), the benchmark's own submission format, or lmms-eval's " +
        'samples',
    )
    .option('--data <folder>', "folder with the benchmark's annotations (default: the embedded sample)")
    .addOption(splitOption())
    .addOption(protocolOption())
    .addOption(ocrTokensOption("the predictions come from LLaVA's prompts with OCR tokens"))
    .option('--no-ocr-tokens', 'TextVQA: the predictions come from prompts without OCR tokens')
    .option('--allow-partial', 'score only the questions that have a prediction', false)
    .option('--json', 'print the scores as JSON, at full precision', false)
    .addHelpText('after', helpEnd([['llavahr score textvqa --predictions answers/llava-v1.5-7b.jsonl --data textvqa']]))
    .action(async (benchmark, options) => {
      const { scoreCommand } = await import('../commands/score.js');
      process.exitCode = await scoreCommand(benchmark, options);
    });
}
