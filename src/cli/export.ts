import type { Command } from 'commander';
import { helpEnd } from './help.js';
import { baseOption, clipTowerOption, positiveIntegers, precisionOption } from './options.js';

export function addExport(program: Command): void {
  program
    .command('export')
    .description('Export a checkpoint to ONNX.')
    .argument('<checkpoint>', 'folder with config.json, weights and tokenizer')
    .option(
      '--resolution <list>',
      'comma-separated input sizes in pixels (default: the size the model was trained at)',
      positiveIntegers,
    )
    .addOption(precisionOption())
    .addOption(clipTowerOption())
    .addOption(baseOption())
    .option('--output <folder>', 'folder of the exported model (default: a folder in the cache)')
    .option('--json', 'print what was exported as JSON', false)
    .addHelpText(
      'after',
      helpEnd([
        ['llavahr export checkpoints/llava-hr-7b --precision fp16 --output models/llava-hr-7b'],
        ['llavahr export sample/models/llava-hr-tiny --resolution 128,256,384'],
      ]),
    )
    .action(async (checkpoint, options) => {
      const { exportCommand } = await import('../commands/export.js');
      process.exitCode = await exportCommand(checkpoint, options);
    });
}
