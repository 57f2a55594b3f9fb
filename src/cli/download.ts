import { type Command, Option } from 'commander';
import { usageError } from '../shared/errors.js';

export function addDownload(program: Command): void {
  program
    .command('download')
    .description('Fetch benchmarks (their files, and only those images that are asked about) or checkpoints.')
    .argument('<benchmarks>', 'one, a comma-separated list, or all (see llavahr list); the word model for checkpoints')
    .argument('[models]', 'after the word model: llava-hr-7b, llava-hr-13b-x, llava-1.5-7b, llava-1.5-13b')
    .option('--split <split>', "one of the benchmark's splits; its first one without it")
    .option('--dir <folder>', 'where to; LLAVAHR_DATA or a folder of the cache without it')
    .addOption(
      new Option('--source <source>', "images from the benchmark's own archives, or from parquet mirrors on the hub")
        .choices(['official', 'hf'])
        .default('official'),
    )
    .option('--update', 'fetch again what has changed upstream since its download', false)
    .option('--dry-run', 'only say what would be fetched, from where, how much, and under which licence', false)
    .option('--offline', 'use no network: fail with what is missing', false)
    .option('--json', 'print what was, or would be, fetched as one JSON object', false)
    .addHelpText(
      'after',
      `
Interrupted downloads continue when the same command is given again. Proxies come from HTTPS_PROXY and NO_PROXY.

Examples:
  llavahr download textvqa --dry-run
  llavahr download textvqa,pope --dir data
  llavahr download vizwiz --split val --dir data
  llavahr download gqa --source hf
  llavahr download model llava-hr-7b`,
    )
    .action(async (benchmarks, models, options) => {
      const { downloadCommand, downloadModelsCommand } = await import('../commands/download.js');
      if (models === undefined) process.exitCode = await downloadCommand(benchmarks, options);
      else if (benchmarks === 'model') process.exitCode = await downloadModelsCommand(models, options);
      else throw usageError('Several benchmarks are separated by commas, without spaces.');
    });
}
