import { Argument, type Command } from 'commander';
import { helpEnd } from './help.js';

export function addTask(program: Command): void {
  program
    .command('task')
    .description('Describe a benchmark of your own in a task file: init writes an example with its data.')
    .addArgument(new Argument('<action>', 'what to do').choices(['init']))
    .argument('[folder]', 'where to write the example; it must not exist', 'my-task')
    .option('--json', 'print the path of the task file as JSON', false)
    .addHelpText(
      'after',
      helpEnd(
        [['llavahr task init my-task'], ['llavahr eval my-task/task.json']],
        'docs/task-files.md explains the fields of a task file.',
      ),
    )
    .action(async (_action, folder, options) => {
      const { taskInitCommand } = await import('../commands/task-init.js');
      process.exitCode = await taskInitCommand(folder, options);
    });
}
