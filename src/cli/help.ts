import type { Argument, Command, Option } from 'commander';
import { columnsOf, USUAL_WIDTH, wrapText } from '../shared/wrap-text.js';
import { environmentLines } from './environment.js';

/** An example in a help text: a command line and what it does. */
export type Example = [commandLine: string, comment?: string];

/** Descriptions narrower than this are not worth wrapping. Commander's own limit, 40, lets lines overflow at 60 columns. */
const NARROWEST_DESCRIPTION = 20;

/**
 * Sets how help and usage errors look: wrapped to the terminal, with `(default: x)` and `(required)`. Subcommands inherit
 * it.
 * @param explain what to add to the message of a usage error, if anything
 */
export function configureHelp(program: Command, explain: (message: string) => string): Command {
  return program
    .configureOutput({
      getOutHelpWidth: () => helpWidth(process.stdout),
      getErrHelpWidth: () => helpWidth(process.stderr),
      outputError: (text, write) => {
        const explanation = explain(text);
        write(wrapText(explanation === '' ? text : `${text.trimEnd()}\n${explanation}\n`, columnsOf(process.stderr)));
      },
    })
    .configureHelp({
      minWidthToWrap: NARROWEST_DESCRIPTION,
      showGlobalOptions: true,
      optionDescription: describeOption,
      argumentDescription: describeArgument,
      subcommandTerm: (command) => command.name(), // with its arguments, the list of commands would not fit
    });
}

/** `llavahr help <command>`, last in the list of commands. */
export function addHelp(program: Command): void {
  program
    .command('help')
    .description('Show the help of a command.')
    .argument('[command]', 'name of the command (default: the list of commands)')
    .allowExcessArguments()
    .action(async (name?: string) => {
      if (name === undefined) program.help();
      const command = program.commands.find((one) => one.name() === name);
      if (command) command.help();
      const { didYouMean } = await import('../shared/known-names.js');
      const names = program.createHelp().visibleCommands(program);
      const suggestion = didYouMean(
        name,
        names.map((one) => one.name()),
      );
      program.error(`error: unknown command '${name}'${suggestion === '' ? '' : `\n(${suggestion.trim()})`}`);
    });
}

/** Text for the end of a command's help: notes, examples, environment variables. */
export function helpEnd(
  examples: readonly Example[],
  note?: string,
): (context: { error: boolean; command: Command }) => string {
  return ({ error, command }) => {
    const width = helpWidth(error ? process.stderr : process.stdout);
    const lines = examples.flatMap(([commandLine, comment]) => [
      ...(comment === undefined ? [] : [wrapText(`  # ${comment}`, width)]),
      wrapCommand(commandLine, width),
    ]);
    const title = examples.length === 1 ? 'Example:' : 'Examples:';
    const variables = environmentLines(command.name()).map((line) => wrapText(`  ${line}`, width));
    return [
      '',
      ...(note === undefined ? [] : [wrapText(note, width), '']),
      ...[title, ...lines],
      '',
      'Environment variables:',
      ...variables,
    ].join('\n');
  };
}

function helpWidth(stream: NodeJS.WriteStream): number {
  const width = columnsOf(stream);
  return Number.isFinite(width) ? width : USUAL_WIDTH;
}

/** A command line that can be copied: a long one continues after a backslash. */
function wrapCommand(commandLine: string, width: number): string {
  const lines = wrapText(`  ${commandLine}`, width - ' \\'.length).split('\n');
  return lines.map((line, i) => (i === 0 ? line : `  ${line}`)).join(' \\\n');
}

function describeOption({ description, argChoices, defaultValue, ...option }: Option): string {
  const shown = typeof defaultValue === 'boolean' ? undefined : defaultValue;
  const described = option.mandatory ? `${description} (required)` : description;
  return withDetails(described, argChoices, option.defaultValueDescription ?? shown);
}

function describeArgument({ description, argChoices, defaultValue }: Argument): string {
  return withDetails(description, argChoices, defaultValue);
}

function withDetails(description: string, choices: readonly string[] | undefined, defaultValue: unknown): string {
  const details = [
    ...(choices ? [`choices: ${choices.join(', ')}`] : []),
    ...(defaultValue === undefined ? [] : [`default: ${defaultValue}`]),
  ];
  return details.length === 0 ? description : `${description} (${details.join('; ')})`;
}
