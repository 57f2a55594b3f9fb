import { type Command, Option } from 'commander';
import { batchSize, precisionOption, protocolOption, shard, wholeNumber } from './options.js';

export function addEval(program: Command): void {
  program
    .command('eval')
    .description('Answer benchmarks with a model and score the answers.')
    .argument('<benchmarks>', 'one, a comma-separated list, or all (see llavahr list); custom for own questions')
    .option(
      '--model <folder>',
      'exported model, checkpoint, or a name: llava-hr-7b, llava-hr-13b-x, llava-1.5-7b, llava-1.5-13b, or the embedded llava-1.5-tiny and llava-hr-tiny, which is taken without it',
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
    .option('--shard <i/n>', 'only the i-th of n parts, i from 1; see llavahr merge', shard)
    .option('--batch-size <n>', 'images per batch: auto or a number', batchSize, 'auto')
    .option('--fail-fast', 'end at the first question that cannot be answered, keeping what was answered', false)
    .option('--device <device>', 'auto, cpu, cuda, cuda:N or webgpu', 'auto')
    .addOption(
      new Option('--devices <list>', 'several, a worker process each: cuda:0,cuda:1, or cpu:N for N workers').conflicts(
        'device',
      ),
    )
    .option(
      '--threads <n>',
      'CPU threads inside an operator, per worker; without it the cores, shared out among the workers',
      wholeNumber,
    )
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
    .option('--heartbeat <file>', 'file that is rewritten every two seconds while the run is alive, for health checks')
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
      const { evalCommand } = await import('../commands/eval.js');
      process.exitCode = await evalCommand(benchmark, options);
    });
}
