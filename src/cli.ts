import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { PROTOCOLS } from './benchmarks/benchmark.js';
import { EXIT, messageOf, UserError, usageError } from './errors.js';
import { VERSION } from './version.js';

/*
 * Options and help texts only. Each command's module is imported when the command runs, so that `--help` does not load
 * onnxruntime and sharp.
 */

/** Runs the command line and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of a pipe has gone, as in `llavahr ... | head`.
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.done);
  });
  const program = buildProgram();
  try {
    await program.parseAsync(argv as string[]);
  } catch (error) {
    process.exitCode = report(error, argv.includes('--debug'));
  }
}

/** Says what went wrong on stderr; a stack only with --debug or for an error nobody expected. */
function report(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  console.error(`error: ${messageOf(error)}`);
  if (debug && error instanceof Error) console.error(error.stack);
  else if (!(error instanceof UserError)) console.error('This is unexpected. Run again with --debug for details.');
  return error instanceof UserError ? error.exitCode : EXIT.failed;
}

function buildProgram(): Command {
  const program = new Command('llavahr')
    .description('Evaluate LLaVA-HR and LLaVA-1.5 on vision-language benchmarks.')
    .version(VERSION)
    .option('--debug', 'show stack traces')
    .showHelpAfterError('(add --help for the options)')
    .exitOverride();

  program
    .command('eval')
    .description('Answer benchmarks with a model and score the answers.')
    .argument('<benchmarks>', 'one, a comma-separated list, or all (see llavahr list); custom for own questions')
    .option(
      '--model <folder>',
      'exported model, checkpoint, or a name: llava-hr-7b, llava-hr-13b-x, llava-1.5-7b, llava-1.5-13b; the embedded LLaVA-HR-tiny without it',
    )
    .option(
      '--data <folder>',
      "folder with the benchmark's files, or of folders named like the benchmarks; without it the embedded models take " +
        'the embedded samples, other models download the benchmark',
    )
    .option('--offline', 'use no network: fail with what is missing', false)
    .option('--resolution <pixels>', 'input size; the size the model was trained at without it', wholeNumber)
    .option('--split <split>', "one of the benchmark's splits; its first one without it")
    .addOption(protocolOption())
    .option('--ocr-tokens', "TextVQA: prompts with OCR tokens, from LLaVA's question file; so when it is there")
    .option('--no-ocr-tokens', 'TextVQA: prompts without them')
    .option('--limit <n>', 'only the first n questions', wholeNumber)
    .option('--batch-size <n>', 'images per batch: auto or a number', batchSize, 'auto')
    .option('--device <device>', 'auto, cpu, cuda, cuda:N or webgpu', 'auto')
    .option('--threads <n>', 'CPU threads inside an operator; every core without it', wholeNumber)
    .addOption(precisionOption())
    .option('--clip-tower <folder>', 'CLIP tower of a LLaVA-1.5 checkpoint that does not hold it')
    .option('--judge <url>', 'MM-Vet: base URL of an OpenAI-compatible server whose model grades the answers')
    .option('--judge-model <name>', 'MM-Vet: the model that grades')
    .option('--judge-runs <n>', 'MM-Vet: gradings of every answer, which are averaged', wholeNumber, 5)
    .option('--judge-key <variable>', "MM-Vet: environment variable with the judge's key", 'OPENAI_API_KEY')
    .option('--questions <file>', "custom: own questions, JSON or JSON lines in LLaVA's format with answers")
    .option('--images <folder>', 'custom: folder or zip archive of their images')
    .addOption(
      new Option('--metric <metric>', 'custom: how answers are scored').choices(['vqa', 'exact', 'choice', 'yes-no']),
    )
    .option('--output <folder>', 'where result folders go', 'results')
    .option('--fresh', 'start over, keeping the earlier result folder under another name', false)
    .option('--json', 'print the result as one JSON object', false)
    .addHelpText(
      'after',
      `
Interrupted runs continue when the same command is given again.

Examples:
  llavahr eval textvqa                                         the embedded model on the embedded sample
  llavahr eval all                                             the same on all samples, in one table
  llavahr eval textvqa --resolution 384                        the same at another resolution
  llavahr eval textvqa --model llava-hr-7b --data textvqa --ocr-tokens --device cuda`,
    )
    .action(async (benchmark, options) => {
      const { evalCommand } = await import('./commands/eval.js');
      process.exitCode = await evalCommand(benchmark, options);
    });

  program
    .command('download')
    .description('Fetch benchmarks (their files, and only those images that are asked about) or checkpoints.')
    .argument('<benchmarks>', 'one, a comma-separated list, or all (see llavahr list); the word model for checkpoints')
    .argument('[models]', 'after the word model: llava-hr-7b, llava-hr-13b-x, llava-1.5-7b, llava-1.5-13b')
    .option('--split <split>', "one of the benchmark's splits; its first one without it")
    .option('--dir <folder>', 'where to; LLAVAHR_DATA or a folder of the cache without it')
    .option('--dry-run', 'only say what would be fetched, from where, how much, and under which licence', false)
    .option('--offline', 'use no network: fail with what is missing', false)
    .addHelpText(
      'after',
      `
Interrupted downloads continue when the same command is given again. Proxies come from HTTPS_PROXY and NO_PROXY.

Examples:
  llavahr download textvqa --dry-run
  llavahr download textvqa,pope --dir data
  llavahr download vizwiz --split val --dir data
  llavahr download model llava-hr-7b`,
    )
    .action(async (benchmarks, models, options) => {
      const { downloadCommand, downloadModelsCommand } = await import('./commands/download.js');
      if (models === undefined) process.exitCode = await downloadCommand(benchmarks, options);
      else if (benchmarks === 'model') process.exitCode = await downloadModelsCommand(models, options);
      else throw usageError('Several benchmarks are separated by commas, without spaces.');
    });

  program
    .command('doctor')
    .description('Say what is installed, what is downloaded and intact, and what is missing.')
    .option('--verify', 'hash the downloaded files instead of trusting their size and time', false)
    .option('--json', 'print it as one JSON object', false)
    .addHelpText('after', '\nExample:\n  llavahr doctor --verify')
    .action(async (options) => {
      const { doctorCommand } = await import('./commands/doctor.js');
      process.exitCode = await doctorCommand(options);
    });

  program
    .command('export')
    .description('Write a checkpoint as ONNX graphs.')
    .argument('<checkpoint>', 'folder with config.json, weights and tokenizer')
    .option('--resolution <list>', 'input sizes in pixels, comma-separated; the trained size without it', wholeNumbers)
    .addOption(precisionOption())
    .option('--clip-tower <folder>', 'CLIP tower of a LLaVA-1.5 checkpoint that does not hold it')
    .option('--output <folder>', 'folder of the exported model; one in the cache without it')
    .addHelpText(
      'after',
      `
Examples:
  llavahr export llava-hr-7b --precision fp16 --output models/llava-hr-7b
  llavahr export sample/models/llava-hr-tiny --resolution 128,256,384`,
    )
    .action(async (checkpoint, options) => {
      const { exportCommand } = await import('./commands/export.js');
      process.exitCode = await exportCommand(checkpoint, options);
    });

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
      const { scoreCommand } = await import('./commands/score.js');
      process.exitCode = await scoreCommand(benchmark, options);
    });

  program
    .command('list')
    .description('List the benchmarks: splits, sizes, metrics, and where they are scored.')
    .option('--published', 'the published numbers of LLaVA-HR and LLaVA-1.5 instead, each with its source', false)
    .option('--validate', 'check datasets.json, the list of downloads, instead', false)
    .option('--json', 'print them as JSON', false)
    .addHelpText('after', '\nExamples:\n  llavahr list\n  llavahr list --published')
    .action(async (options) => {
      const { listCommand } = await import('./commands/list.js');
      process.exitCode = await listCommand(options);
    });

  program
    .command('show')
    .description('Show one question as the model is asked it, to the character, and its right answer.')
    .argument('<benchmark>', 'see llavahr list')
    .option('--index <row>', "row in the benchmark's order, from 0", rowIndex, 0)
    .option('--data <folder>', "folder with the benchmark's annotations; the embedded sample without it")
    .option('--split <split>', "one of the benchmark's splits; its first one without it")
    .addOption(protocolOption())
    .option('--ocr-tokens', "TextVQA: the prompt with OCR tokens, from LLaVA's question file; so when it is there")
    .option('--no-ocr-tokens', 'TextVQA: the prompt without them')
    .option('--json', 'print it as JSON', false)
    .addHelpText('after', '\nExample:\n  llavahr show textvqa --index 3')
    .action(async (benchmark, options) => {
      const { showCommand } = await import('./commands/show.js');
      process.exitCode = await showCommand(benchmark, options);
    });

  program
    .command('compare')
    .description('Compare result folders: score, latency, visual tokens.')
    .argument('<runs...>', 'result folders; differences are to the first')
    .option('--json', 'print the comparison as one JSON object', false)
    .addHelpText(
      'after',
      `
Example:
  llavahr compare results/textvqa-llava-1.5-tiny-* results/textvqa-llava-hr-tiny-*`,
    )
    .action(async (runs, options) => {
      const { compareCommand } = await import('./commands/compare.js');
      process.exitCode = await compareCommand(runs, options);
    });

  program
    .command('report')
    .description('Write result folders as a table for a spreadsheet, a paper or a program.')
    .argument('<runs...>', 'result folders')
    .addOption(new Option('--format <format>', 'of the report').choices(['csv', 'md', 'latex', 'json']).default('csv'))
    .option('-o, --output <file>', 'file to write; stdout without it')
    .addHelpText(
      'after',
      `
Examples:
  llavahr report results/* -o report.csv
  llavahr report results/textvqa-* --format latex`,
    )
    .action(async (runs, options) => {
      const { reportCommand } = await import('./commands/report.js');
      process.exitCode = await reportCommand(runs, options);
    });
  return program;
}

function protocolOption(): Option {
  return new Option('--protocol <protocol>', "whose prompts and scores: LLaVA's, as the papers, or lmms-eval's")
    .choices(PROTOCOLS)
    .default('llava');
}

function precisionOption(): Option {
  return new Option('--precision <precision>', 'of the exported weights: fp32, or fp16 for GPUs')
    .choices(['fp32', 'fp16'])
    .default('fp32');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1 up.');
  return value;
}

function rowIndex(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0 up.');
  return Number(text);
}

function wholeNumbers(text: string): number[] {
  return text.split(',').map((part) => wholeNumber(part.trim()));
}

function batchSize(text: string): number | 'auto' {
  if (text === 'auto') return text;
  try {
    return wholeNumber(text);
  } catch {
    throw new InvalidArgumentError('It must be auto or a whole number from 1 up.');
  }
}
