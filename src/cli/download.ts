import { type Command, Option } from 'commander';
import { helpEnd } from './help.js';
import { offlineOption, splitOption } from './options.js';

export function addDownload(program: Command): void {
  program
    .command('download')
    .description('Download benchmarks (annotations and only the images they use) or model checkpoints.')
    .argument(
      '<benchmarks>',
      "a benchmark or a task file, or several with commas; all for the paper's, extra for the others (see `llavahr list`); " +
        'model for checkpoints',
    )
    .argument(
      '[models]',
      'after the word model: llava-hr-7b, llava-hr-13b-x, llava-1.5-7b or llava-1.5-13b, or several with commas',
    )
    .addOption(splitOption())
    .option('--dir <folder>', 'where to download benchmarks to (default: $LLAVAHR_DATA, else a folder in the cache)')
    .addOption(
      new Option('--source <source>', "images from the benchmark's own archives, or from Parquet mirrors on the hub")
        .choices(['official', 'hf'])
        .default('official'),
    )
    .option('--update', 'download again what has changed upstream', false)
    .option('--verify', 'also compare the hashes of files that are already here, and fetch damaged ones again', false)
    .addOption(
      new Option('--dry-run', 'only print what would be downloaded, from where and to where, its size and licence')
        .default(false)
        .conflicts('verify'),
    )
    .addOption(offlineOption())
    .option('--json', 'print what was (or would be) downloaded as JSON', false)
    .addHelpText(
      'after',
      helpEnd(
        [
          ['llavahr download textvqa --dry-run'],
          ['llavahr download textvqa,pope --dir data'],
          ['llavahr download vizwiz --split val --dir data'],
          ['llavahr download gqa --source hf'],
          ['llavahr download model llava-hr-7b'],
        ],
        'To resume an interrupted download, rerun the same command.',
      ),
    )
    .allowExcessArguments()
    .action(async (benchmarks, models, options, { args }: Command) => {
      const { oneList } = await import('../commands/name-benchmarks.js');
      const { downloadCommand, downloadModelsCommand } = await import('../commands/download.js');
      if (benchmarks === 'model') process.exitCode = await downloadModelsCommand(models, args.slice(2), options);
      else process.exitCode = await downloadCommand(await oneList('download', args), options);
    });
}
