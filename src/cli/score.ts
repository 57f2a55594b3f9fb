import type { Command } from 'commander';
import { helpEnd } from './help.js';
import {
  benchmarkProtocolOption,
  judgeKeyOption,
  judgeModelOption,
  judgeOption,
  judgePricesOption,
  judgeRunsOption,
  ocrTokensOption,
  splitOption,
} from './options.js';

export function addScore(program: Command): void {
  program
    .command('score')
    .description('Score predictions made by any program; no model is needed.')
    .argument('<benchmark>', 'name of a benchmark (see `llavahr list`), or a task file')
    .requiredOption(
      '--predictions <path>',
      'file or folder: answers by question_id in JSON, JSON Lines or CSV, as LLaVA writes them (whole or in chunks), the ' +
        "benchmark's own result format, lmms-eval's samples or VLMEvalKit's tables",
    )
    .option('--data <folder>', "folder with the benchmark's annotations (default: the embedded sample)")
    .addOption(splitOption())
    .addOption(benchmarkProtocolOption())
    .addOption(ocrTokensOption("the predictions come from LLaVA's prompts with OCR tokens"))
    .option('--no-ocr-tokens', 'TextVQA: the predictions come from prompts without OCR tokens')
    .option('--allow-partial', 'score only the questions that have a prediction', false)
    .addOption(judgeOption())
    .addOption(judgeModelOption())
    .addOption(judgeRunsOption())
    .addOption(judgeKeyOption())
    .addOption(judgePricesOption())
    .option(
      '-o, --output <folder>',
      'folder for the files that evaluation servers and official scripts take, and for the grades of a judge',
    )
    .option('--json', 'print the scores as JSON, at full precision', false)
    .addHelpText(
      'after',
      helpEnd([
        ['llavahr score textvqa --predictions answers/llava-v1.5-7b.jsonl --data textvqa'],
        ['llavahr score vqav2 --predictions merge.jsonl --data vqav2 --output upload', 'a file to submit to EvalAI'],
        [
          'llavahr score mmvet --predictions answers.jsonl --data mmvet --judge http://localhost:8000/v1 --judge-model m',
          'graded by a language model',
        ],
      ]),
    )
    .action(async (benchmark, options) => {
      const { scoreCommand } = await import('../commands/score.js');
      process.exitCode = await scoreCommand(benchmark, options);
    });
}
