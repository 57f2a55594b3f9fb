import { UserError } from '../../shared/errors.js';
import { parseJson } from '../../shared/parse-json.js';
import { systemReason } from '../../shared/system-errors.js';
import { readUtf8 } from '../../shared/utf8-text.js';
import { isJsonObject } from './json-object.js';

/** An object in a JSON config, with its location for error messages. */
export interface ConfigBlock {
  readonly file: string;
  /** Path of the block within the file, such as `vision_config.`; empty for the whole file. */
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** @throws UserError when the file is missing or is not a JSON object */
export async function readConfigFile(file: string): Promise<ConfigBlock> {
  let values: unknown;
  try {
    values = parseJson(await readUtf8(file));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file} cannot be read: ${systemReason(error, file)}`, { cause: error });
  }
  if (!isJsonObject(values)) throw new UserError(`${file} is not a JSON object.`);
  return { file, path: '', values };
}

/** How messages name a key: `/models/a/config.json: vision_config.hidden_size`. */
export function keyName(block: ConfigBlock, key: string): string {
  return `${block.file}: ${block.path}${key}`;
}

// Each reader below returns undefined when the key is absent or null, and throws a UserError when the value has another
// type.

export function readCount(block: ConfigBlock, key: string): number | undefined {
  return read(block, key, 'a positive integer', isCount);
}

export function readInteger(block: ConfigBlock, key: string): number | undefined {
  return read(block, key, 'an integer', (value): value is number => Number.isSafeInteger(value));
}

/** One non-negative integer, or a list of them, as a list. */
export function readTokenIds(block: ConfigBlock, key: string): number[] | undefined {
  const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  const value = read(
    block,
    key,
    'a token id or a list of at most 16',
    (one): one is number | number[] =>
      isId(one) || (Array.isArray(one) && one.length > 0 && one.length <= 16 && one.every(isId)),
  );
  return typeof value === 'number' ? [value] : value;
}

export function readPositive(block: ConfigBlock, key: string): number | undefined {
  return read(block, key, 'a positive number', (value): value is number => Number.isFinite(value) && Number(value) > 0);
}

/** One number, or a list of them, as a list. */
export function readNumbers(block: ConfigBlock, key: string): number[] | undefined {
  const value = read(
    block,
    key,
    'a number or a list of numbers',
    (one): one is number | number[] => Number.isFinite(one) || (Array.isArray(one) && one.every(Number.isFinite)),
  );
  return typeof value === 'number' ? [value] : value;
}

export function readText(block: ConfigBlock, key: string): string | undefined {
  return read(block, key, 'a string', (value) => typeof value === 'string');
}

export function readFlag(block: ConfigBlock, key: string): boolean | undefined {
  return read(block, key, 'true or false', (value) => typeof value === 'boolean');
}

export function readCounts(block: ConfigBlock, key: string): number[] | undefined {
  return read(
    block,
    key,
    'a list of positive integers',
    (value): value is number[] => Array.isArray(value) && value.every(isCount),
  );
}

export function readBlock(block: ConfigBlock, key: string): ConfigBlock | undefined {
  const values = read(block, key, 'an object', isJsonObject);
  return values && { file: block.file, path: `${block.path}${key}.`, values };
}

function read<T>(
  block: ConfigBlock,
  key: string,
  expected: string,
  isExpected: (value: unknown) => value is T,
): T | undefined {
  const value = Object.hasOwn(block.values, key) ? block.values[key] : undefined;
  if (value === undefined || value === null) return undefined;
  if (isExpected(value)) return value;
  throw new UserError(`${keyName(block, key)} must be ${expected}, found ${JSON.stringify(value).slice(0, 80)}.`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
