import type { Command } from 'commander';
import { protocolOption } from './options.js';

export function addScore(program: Command): void {
  program
    .command('score')
    .description('Score answers made by any program; no model is needed.')
    .argument('<benchmark>', 'see llavahr list')
    .requiredOption(
      '--predictions <path>',
      "file or folder: LLaVA's jsonl, whole or in chunks, the benchmark's own result format, or lmms-eval's samples",
    )
    .option('--data <folder>', "folder with the benchmark's annotations; the embedded sample without it")
    .option('--split <split>', "one of the benchmark's splits; its first one without it")
    .addOption(protocolOption())
    .option(
      '--ocr-tokens',
      "TextVQA: the answers were made with LLaVA's OCR prompts; so when its question file is there",
    )
    .option('--no-ocr-tokens', 'TextVQA: they were made without them')
    .option('--allow-partial', 'leave questions without an answer out of the denominator', false)
    .option('--json', 'print the scores as one JSON object, at full precision', false)
    .addHelpText(
      'after',
      `
Example:
  llavahr score textvqa --predictions answers/llava-v1.5-7b.jsonl --data textvqa`,
    )
    .action(async (benchmark, options) => {
      const { scoreCommand } = await import('../commands/score.js');
      process.exitCode = await scoreCommand(benchmark, options);
    });
}
