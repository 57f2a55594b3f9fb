import { type Command, Option } from 'commander';
import { METRIC_NAMES } from '../benchmarks/metrics/metric-names.js';
import { helpEnd } from './help.js';
import {
  addresses,
  baseOption,
  batchSize,
  benchmarkProtocolOption,
  clipTowerOption,
  convModeOption,
  deviceOption,
  devicesOption,
  judgeKeyOption,
  judgeModelOption,
  judgeOption,
  judgePricesOption,
  judgeRunsOption,
  nonNegativeInteger,
  ocrTokensOption,
  offlineOption,
  positiveInteger,
  precisionOption,
  shard,
  splitOption,
  tokenPrices,
} from './options.js';

/** Options of a model on this machine, which a server's have no use for. */
const OF_MODELS_HERE = [
  'model',
  'resolution',
  'precision',
  'clipTower',
  'base',
  'device',
  'devices',
  'threads',
  'batchSize',
  'convMode',
];

/** Options that select questions in another way than `--sample`. */
const OTHER_SELECTIONS = ['limit', 'offset', 'ids'];

export function addEval(program: Command): void {
  program
    .command('eval')
    .description('Answer benchmarks with a model and score the answers.')
    .argument(
      '<benchmarks>',
      "a benchmark or a task file, or several with commas; all for the paper's, extra for the others (see `llavahr list`); " +
        'custom for your own questions',
    )
    .option(
      '--model <model>',
      'exported model, checkpoint, or name: llava-hr-7b, llava-hr-13b-x, llava-1.5-7b, llava-1.5-13b, or one of the ' +
        'embedded models, llava-hr-tiny and llava-1.5-tiny (default: llava-hr-tiny)',
    )
    .option(
      '--data <folder>',
      "folder with the benchmark's files, or with one such folder per benchmark (default: the embedded sample for an " +
        'embedded model, else the benchmark is downloaded)',
    )
    .addOption(offlineOption())
    .option('--resolution <pixels>', 'input size (default: the size the model was trained at)', positiveInteger)
    .addOption(splitOption())
    .addOption(benchmarkProtocolOption())
    .addOption(ocrTokensOption("add the OCR tokens of LLaVA's question file to the prompts"))
    .option('--no-ocr-tokens', 'TextVQA: leave OCR tokens out of the prompts')
    .option('--limit <n>', 'only the first n questions', positiveInteger)
    .option('--offset <n>', 'skip the first n questions', positiveInteger)
    .addOption(
      new Option('--sample <n>', 'only n questions, drawn at random')
        .argParser(positiveInteger)
        .conflicts(OTHER_SELECTIONS),
    )
    .addOption(
      new Option('--seed <n>', 'seed of --sample (default: 0)')
        .argParser(nonNegativeInteger)
        .conflicts(OTHER_SELECTIONS),
    )
    .addOption(
      new Option(
        '--ids <file>',
        'only the questions with the ids in this file: one per line, a JSON list, or JSON Lines with question_id',
      ).conflicts(['limit', 'offset']),
    )
    .option(
      '--max-new-tokens <n>',
      "maximum number of tokens per answer (default: the benchmark's own limit)",
      positiveInteger,
    )
    .addOption(convModeOption().default(undefined, "the model's own, for most vicuna_v1"))
    .option('--shard <i/n>', 'only part i of n, counted from 1; combine the parts with `llavahr merge`', shard)
    .option('--batch-size <n>', 'images per batch: auto or a number', batchSize, 'auto')
    .option('--fail-fast', 'stop at the first question that fails; earlier answers are kept', false)
    .addOption(deviceOption())
    .addOption(devicesOption())
    .option('--threads <n>', 'CPU threads per worker (default: all cores, divided among the workers)', positiveInteger)
    .addOption(precisionOption())
    .addOption(clipTowerOption())
    .addOption(baseOption())
    .addOption(
      new Option(
        '--endpoint <urls>',
        'ask a model behind an OpenAI-compatible server instead: its base URL, or several with commas to share the work',
      )
        .argParser(addresses)
        .conflicts(OF_MODELS_HERE),
    )
    .addOption(servedOption('--endpoint-model <name>', 'name of the model on the server'))
    .addOption(
      servedOption('--endpoint-key <variable>', "environment variable with the server's API key (default: no key)"),
    )
    .addOption(servedOption('--system-prompt <text>', 'system prompt (default: none)'))
    .addOption(
      servedOption('--concurrency <n>', 'concurrent requests per server: auto or a number (default: auto)').argParser(
        batchSize,
      ),
    )
    .addOption(
      servedOption('--request-timeout <seconds>', 'time limit for one answer (default: 300)').argParser(
        positiveInteger,
      ),
    )
    .addOption(
      servedOption('--prices <in,out>', 'prices per million input and output tokens, to report the cost').argParser(
        tokenPrices,
      ),
    )
    .addOption(judgeOption())
    .addOption(judgeModelOption())
    .addOption(judgeRunsOption())
    .addOption(judgeKeyOption())
    .addOption(judgePricesOption())
    .option(
      '--questions <file>',
      "custom: your questions and answers in LLaVA's format: JSON, JSON Lines, CSV, TSV or Parquet",
    )
    .option('--images <folder>', 'custom: folder or zip archive with the images')
    .addOption(new Option('--metric <metric>', 'custom: how answers are scored').choices(METRIC_NAMES))
    .option('--output <folder>', 'where run folders are created', 'results')
    .option('--heartbeat <file>', 'file to rewrite every two seconds during the run, for health checks')
    .option('--fresh', 'start over; an earlier run folder is kept under another name', false)
    .option('--json', 'print the result as JSON', false)
    .addHelpText(
      'after',
      helpEnd(
        [
          ['llavahr eval textvqa', 'the embedded model on the embedded sample'],
          ['llavahr eval all', 'all embedded samples, in one table'],
          ['llavahr eval textvqa --resolution 384', 'at another resolution'],
          [
            'llavahr eval textvqa --model llava-hr-7b --data textvqa --ocr-tokens --device cuda',
            'the released model on your copy of TextVQA',
          ],
          [
            'llavahr eval pope --endpoint http://localhost:8000/v1 --endpoint-model llava-hf/llava-1.5-7b-hf',
            'a model that vLLM serves',
          ],
        ],
        'To resume an interrupted run, rerun the same command.',
      ),
    )
    .allowExcessArguments()
    .action(async (_benchmarks, options, { args }: Command) => {
      const { oneList } = await import('../commands/name-benchmarks.js');
      const { evalCommand } = await import('../commands/eval.js');
      process.exitCode = await evalCommand(await oneList('eval', args), options);
    });
}

/** An option for a model behind a server. */
function servedOption(flags: string, description: string): Option {
  return new Option(flags, `endpoint: ${description}`).conflicts(OF_MODELS_HERE);
}
