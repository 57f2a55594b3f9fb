import type { Command } from 'commander';
import { precisionOption, wholeNumbers } from './options.js';

export function addExport(program: Command): void {
  program
    .command('export')
    .description('Write a checkpoint as ONNX graphs.')
    .argument('<checkpoint>', 'folder with config.json, weights and tokenizer')
    .option('--resolution <list>', 'input sizes in pixels, comma-separated; the trained size without it', wholeNumbers)
    .addOption(precisionOption())
    .option('--clip-tower <folder>', 'CLIP tower of a LLaVA-1.5 checkpoint that does not hold it')
    .option('--output <folder>', 'folder of the exported model; one in the cache without it')
    .option('--json', 'print what was exported as one JSON object', false)
    .addHelpText(
      'after',
      `
Examples:
  llavahr export llava-hr-7b --precision fp16 --output models/llava-hr-7b
  llavahr export sample/models/llava-hr-tiny --resolution 128,256,384`,
    )
    .action(async (checkpoint, options) => {
      const { exportCommand } = await import('../commands/export.js');
      process.exitCode = await exportCommand(checkpoint, options);
    });
}
