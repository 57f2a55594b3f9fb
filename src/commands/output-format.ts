import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { usageError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { writeOutput } from '../shared/write-output.js';

export type FileFormat = 'csv' | 'md' | 'latex' | 'html' | 'json' | 'lmms-eval' | 'eval-results';

const FORMAT_OF: Record<string, FileFormat> = {
  '.csv': 'csv',
  '.md': 'md',
  '.markdown': 'md',
  '.tex': 'latex',
  '.html': 'html',
  '.htm': 'html',
  '.json': 'json',
  '.yaml': 'eval-results',
  '.yml': 'eval-results',
};

/**
 * The format that was asked for, or else the one that the name of the output file has; the first of `formats` for a pipe or a
 * device, whose name says nothing.
 * @returns null when neither says
 * @throws UserError (usage) for a file name that says nothing
 */
export function outputFormat<T extends FileFormat>(
  format: T | undefined,
  output: string | undefined,
  formats: readonly T[],
): T | null {
  if (format !== undefined || output === undefined) return format ?? null;
  const named = FORMAT_OF[extname(output).toLowerCase()] as T | undefined;
  if (named !== undefined && formats.includes(named)) return named;
  if (isSpecialFile(output)) return formats[0]!;
  throw usageError(`${output} does not say which format it should have. Give --format: ${formats.join(', ')}.`);
}

function isSpecialFile(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && !status.isFile() && !status.isDirectory();
}

/** Excel takes a CSV file for UTF-8 only with this mark. */
const BYTE_ORDER_MARK = '\ufeff';

/**
 * Prints a report, or writes it to a file and says so on stderr.
 * @param options.bom begin a CSV file with a byte order mark
 * @throws UserError (usage) when another format should have the mark
 */
export async function putOut(
  text: string,
  { format, output, bom }: { format: FileFormat; output?: string; bom?: boolean },
): Promise<void> {
  if (bom && format !== 'csv') throw usageError('--bom can only be used with --format csv.');
  const content = bom ? BYTE_ORDER_MARK + text : text;
  if (output === undefined) {
    process.stdout.write(content); // console.log would add an empty line to the CSV
    return;
  }
  await writeOutput(output, content);
  say('info', `wrote ${output} (${format})`);
}
