import { Argument, type Command } from 'commander';
import { helpEnd } from './help.js';

const SHELLS = ['bash', 'zsh', 'fish'];

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description(
      'Print a script that completes commands, options, benchmarks, models and run folders in your shell. bash needs the bash-completion package.',
    )
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .addHelpText(
      'after',
      helpEnd([
        ['source <(llavahr completion bash)', 'in ~/.bashrc; with zsh in ~/.zshrc'],
        ['llavahr completion fish > ~/.config/fish/completions/llavahr.fish', 'fish'],
      ]),
    )
    .action(async (shell) => {
      const { completionCommand } = await import('../commands/completion.js');
      process.exitCode = completionCommand(shell);
    });
  // Asked by the scripts: `llavahr complete -- <words>`.
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words) => {
      const { completeCommand } = await import('../commands/complete.js');
      process.exitCode = await completeCommand(program, words);
    });
}
