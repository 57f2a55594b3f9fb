import { readFileSync } from 'node:fs';
import type { SchemaObject } from 'ajv';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { UserError, usageError } from '../shared/errors.js';
import { schemaCheck, TEXT } from '../shared/json-schema.js';
import { didYouMean } from '../shared/known-names.js';
import { parseJson } from '../shared/parse-json.js';
import { systemReason } from '../shared/system-errors.js';
import { decodeUtf8 } from '../shared/utf8-text.js';
import { configPath } from './option-origins.js';

/*
 * --config <file>: options in a JSON file, by command and long name without dashes. Those that the user neither typed nor
 * excluded by what was typed are put onto the command line, and are checked and recorded like any other option.
 */

type Values = Record<string, unknown>;

/** Options that cannot stand in the file. */
const NOT_IN_FILE = ['config', 'version'];

/** JSON Schema (draft 7) of the file. */
export function configSchema(program: Command): SchemaObject {
  const commands = commandsOf(program).map((command) => [
    command.name(),
    {
      type: 'object',
      description: command.description(),
      properties: propertiesOf(command),
      additionalProperties: false,
    },
  ]);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'llavahr --config',
    type: 'object',
    properties: { $schema: TEXT, ...propertiesOf(program), ...Object.fromEntries(commands) },
    additionalProperties: false,
  };
}

function commandsOf(program: Command): Command[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help');
}

/** The options of a command by the name in the file; of `--ocr-tokens` and `--no-ocr-tokens`, one entry. */
function propertiesOf(command: Command): Record<string, SchemaObject> {
  return Object.fromEntries(
    command.options
      .filter((option) => !NOT_IN_FILE.includes(option.name()))
      .map((option) => [nameOf(option), { ...valueSchema(option), description: option.description }])
      .reverse(), // of two with one name, the positive one describes it
  );
}

function nameOf(option: Option): string {
  return option.negate ? option.name().replace(/^no-/, '') : option.name();
}

function valueSchema({ required, optional, argChoices }: Option): SchemaObject {
  if (!required && !optional) return { type: 'boolean' };
  if (argChoices) return { enum: argChoices };
  const one = { type: ['string', 'number'] };
  return { anyOf: [one, { type: 'array', items: one, minItems: 1 }] };
}

/**
 * A command line with the options of the file that its `--config` names, if it has one.
 * @param argv as in `process.argv`
 * @throws UserError (usage) when the file cannot be read or names unknown options or values
 */
export function withConfig(argv: readonly string[], program: Command): string[] {
  const path = configPath(argv);
  if (path === null) return [...argv];
  const config = readConfig(path, program);
  const typed = argv.slice(2);
  const at = commandIndex(program, typed);
  const command = program.commands.find((one) => one.name() === typed[at]);
  const ofCommand = command && (config[command.name()] as Values | undefined);
  return [
    ...argv.slice(0, 2),
    ...tokensOf(program, config, typed, `--config ${path}: `),
    ...typed.slice(0, at + 1),
    ...(command && ofCommand ? tokensOf(command, ofCommand, typed, `--config ${path}: ${command.name()}.`) : []),
    ...typed.slice(at + 1),
  ];
}

/** Position of the command's name: the first word that is neither an option of all commands nor its value; -1 without. */
function commandIndex(program: Command, words: readonly string[]): number {
  for (let i = 0; i < words.length; i++) {
    if (!words[i]!.startsWith('-')) return i;
    const option = program.options.find(({ long, short }) => words[i] === long || words[i] === short);
    if (option?.required) i++;
  }
  return -1;
}

function readConfig(path: string, program: Command): Values {
  let config: unknown;
  try {
    config = parseJson(decodeUtf8(readFileSync(path), path));
  } catch (error) {
    if (error instanceof UserError) throw usageError(`--config ${error.message}`);
    throw usageError(`--config ${path} cannot be read: ${systemReason(error, path)}`);
  }
  const schema = configSchema(program);
  if (typeof config === 'object' && config !== null) checkNames(config as Values, schema, path);
  const check = schemaCheck<Values>(schema);
  if (!check.fits(config)) throw usageError(`--config ${path}: ${check.problem()}.`);
  return config;
}

/** Names unknown keys with the nearest known one, which the schema's own message does not. */
function checkNames(config: Values, { properties }: SchemaObject, path: string): void {
  const known: Record<string, SchemaObject> = properties;
  for (const [name, value] of Object.entries(config)) {
    if (!Object.hasOwn(known, name)) {
      throw usageError(
        `--config ${path}: ${name} is neither a command nor an option of all.${didYouMean(name, Object.keys(known))}`,
      );
    }
    const options = known[name]!['properties'] as Record<string, SchemaObject> | undefined;
    if (options === undefined || typeof value !== 'object' || value === null) continue;
    const unknown = Object.keys(value).find((option) => !Object.hasOwn(options, option));
    if (unknown !== undefined) {
      throw usageError(
        `--config ${path}: ${name} has no option ${unknown}.${didYouMean(unknown, Object.keys(options))}`,
      );
    }
  }
}

/**
 * Options of the file as words of a command line, without those that the user typed and those that exclude them.
 * @param where the file and the command, in front of an option's name
 * @throws UserError (usage) for a value that the option does not take
 */
function tokensOf(command: Command, values: Values, typed: readonly string[], where: string): string[] {
  const isTyped = (option: Option): boolean =>
    typed.some((word) => word === option.short || word === option.long || word.startsWith(`${option.long}=`));
  const typedOptions = command.options.filter(isTyped);
  const typedNames = typedOptions.map((option) => option.attributeName());
  const excluded = new Set([...typedNames, ...typedOptions.flatMap(conflictsOf)]);
  return command.options.flatMap((option) => {
    const value = Object.hasOwn(values, nameOf(option)) ? values[nameOf(option)] : undefined;
    const isExcluded =
      excluded.has(option.attributeName()) || conflictsOf(option).some((name) => typedNames.includes(name));
    if (value === undefined || isExcluded) return [];
    if (typeof value === 'boolean') return value === !option.negate ? [option.long!] : [];
    if (option.negate) return [];
    const given = Array.isArray(value) ? value : [value];
    const texts = (option.variadic ? given : [given.join(',')]).map(String);
    for (const text of texts) checkValue(option, text, where);
    return texts.map((text) => `${option.long}=${text}`);
  });
}

/** Here, where it is known that the value is from the file: commander would report it like a typed one. */
function checkValue(option: Option, text: string, where: string): void {
  try {
    option.parseArg?.(text, undefined);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw usageError(`${where}${nameOf(option)} is ${JSON.stringify(text)}. ${error.message}`);
  }
}

/** Attribute names of the options that an option excludes. */
function conflictsOf(option: Option): string[] {
  return (option as Option & { conflictsWith: string[] }).conflictsWith;
}
