import type { Command } from 'commander';
import { helpEnd } from './help.js';

export function addTask(program: Command): void {
  const task = program.command('task').description('Describe a benchmark of your own by a JSON file.');
  task
    .command('init')
    .description('Write an example: a task file with comments, its questions and images.')
    .argument('[folder]', 'where to write it; it must not exist', 'my-task')
    .addHelpText(
      'after',
      helpEnd(
        [['llavahr task init my-task'], ['llavahr eval my-task/task.json']],
        'docs/task-files.md explains the fields of a task file.',
      ),
    )
    .action(async (folder) => {
      const { taskInitCommand } = await import('../commands/task-init.js');
      process.exitCode = await taskInitCommand(folder);
    });
}
