import type { Command } from 'commander';
import { OFFICIAL_CONV_MODE } from '../model/conversation.js';
import { helpEnd } from './help.js';
import {
  benchmarkProtocolOption,
  convModeOption,
  nonNegativeInteger,
  ocrTokensOption,
  splitOption,
} from './options.js';

export function addShow(program: Command): void {
  program
    .command('show')
    .description('Show the exact prompt and the reference answer of one question.')
    .argument('<benchmark>', 'name of a benchmark (see `llavahr list`), or a task file')
    .option('--index <n>', "position in the benchmark's order, from 0", nonNegativeInteger, 0)
    .option('--data <folder>', "folder with the benchmark's annotations (default: the embedded sample)")
    .addOption(splitOption())
    .addOption(benchmarkProtocolOption())
    .addOption(convModeOption().default(OFFICIAL_CONV_MODE))
    .addOption(ocrTokensOption("show the prompt with the OCR tokens of LLaVA's question file"))
    .option('--no-ocr-tokens', 'TextVQA: show the prompt without OCR tokens')
    .option('--json', 'print the question as JSON', false)
    .addHelpText('after', helpEnd([['llavahr show textvqa --index 3']]))
    .action(async (benchmark, options) => {
      const { showCommand } = await import('../commands/show.js');
      process.exitCode = await showCommand(benchmark, options);
    });
}
