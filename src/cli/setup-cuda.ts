import type { Command } from 'commander';
import { helpEnd } from './help.js';

export function addSetupCuda(program: Command): void {
  program
    .command('setup-cuda')
    .description(
      "Install ONNX Runtime's CUDA libraries (Linux on x64), which its npm package does not contain. CUDA 13 and cuDNN 9 must be installed separately.",
    )
    .option('--from <file>', 'NuGet package that was downloaded elsewhere, for machines that cannot reach nuget.org')
    .option('--force', 'install again, for example after a damaged file', false)
    .option('--json', 'print the installed files and whether the GPU works as one JSON object', false)
    .addHelpText('after', helpEnd([['llavahr setup-cuda']]))
    .action(async (options) => {
      const { setupCudaCommand } = await import('../commands/setup-cuda.js');
      process.exitCode = await setupCudaCommand(options);
    });
}
