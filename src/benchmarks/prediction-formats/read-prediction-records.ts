import { messageOf, UserError } from '../../shared/errors.js';
import { parsePythonJson } from '../../shared/parse-json.js';
import { answersById, recordsIn } from './documents.js';
import { kindOf } from './file-kind.js';
import { findPredictionFiles, popeCategory } from './find-prediction-files.js';
import { readMmeResults } from './mme-results.js';
import type { PredictionRecord, PredictionRecords } from './prediction-record.js';
import { findRecordFormat, type RecordFormat } from './record-formats.js';
import { readSeparatedTable, readWorkbook } from './tables.js';
import { fileHead, textLines, wholeText } from './text-lines.js';

export interface ReadOptions {
  /** Skip a truncated last line instead of throwing an error. */
  allowTornLine: boolean;
}

/** The accepted formats, for messages. */
const ACCEPTED =
  "Accepted formats: LLaVA's answers (question_id, prompt, text; JSON or CSV), lmms-eval's samples, VLMEvalKit's predictions " +
  "(xlsx, tsv, json) and the benchmarks' own result files; docs/cli.md lists them all.";

/**
 * Reads predictions from a file or folder in any of the formats that LLaVA's scripts, the evaluation servers, lmms-eval
 * and VLMEvalKit use, detected from the content.
 * @param benchmark which one to look for in a folder with several
 * @throws UserError if nothing can be read, naming file and record
 */
export async function readPredictionRecords(
  path: string,
  benchmark: string,
  options: ReadOptions,
): Promise<PredictionRecords> {
  const files = await findPredictionFiles(path, benchmark);
  if (files.every((file) => file.endsWith('.txt')) && !(await isJson(files[0]!))) return readMmeResults(files);
  const parts: PredictionRecords[] = [];
  for (const file of files) {
    const part = await readFile(file, options);
    if (part.format !== (parts[0] ?? part).format) {
      throw new UserError(`${file} contains ${part.format}, but ${files[0]} contains ${parts[0]!.format}.`);
    }
    const category = popeCategory(file);
    if (category === null) parts.push(part);
    else parts.push({ ...part, records: part.records.map((record) => ({ ...record, categories: [category] })) });
  }
  const torn = parts.flatMap(({ tornLine }) => tornLine ?? []);
  return {
    format: parts[0]!.format,
    records: parts.flatMap(({ records }) => records),
    ...(torn.length > 0 ? { tornLine: torn.join(', ') } : {}),
  };
}

/** Whether a text file begins like a JSON document or JSON lines. */
async function isJson(path: string): Promise<boolean> {
  for await (const lines of textLines(path)) return /^\s*[[{]/.test(lines[0]!.text);
  return false;
}

async function readFile(path: string, options: ReadOptions): Promise<PredictionRecords> {
  const { kind, name } = kindOf(await fileHead(path));
  if (kind === 'xlsx') return fromList(await readWorkbook(path), path, 'row', 2);
  if (kind === 'other') throw new UserError(`${path} is ${name}. ${ACCEPTED}`);
  const plainName = path.replace(/\.gz$/i, '').toLowerCase();
  if (plainName.endsWith('.tsv')) return fromList(await readSeparatedTable(path, '\t'), path, 'row', 2);
  if (plainName.endsWith('.csv')) return fromList(await readSeparatedTable(path, ','), path, 'row', 2);
  return readJsonFile(path, options);
}

/** Reads JSON Lines if the first line is a record, otherwise a single JSON document. */
async function readJsonFile(path: string, options: ReadOptions): Promise<PredictionRecords> {
  let start = '';
  for await (const lines of textLines(path)) {
    start ||= lines[0]!.text;
    const format = findRecordFormat(objectOrUndefined(start));
    if (format) return readLines(path, format, options);
    const second = lines[1] && objectOrUndefined(lines[1].text);
    // If only the second line is valid, this is JSON Lines with a broken first line.
    if (findRecordFormat(second)) parse(start, `${path}, line ${lines[0]!.number}`);
    const first = objectOrUndefined(start);
    if (second && first) throw unknownFormat(path, 'JSON lines', first);
    break;
  }
  if (start === '') throw new UserError(`${path} is empty.`);
  if (!/^\s*[[{"]/.test(start)) {
    throw new UserError(
      `${path} looks like text that is not JSON. The names of tables end in .csv or .tsv. ${ACCEPTED}`,
    );
  }
  return readDocument(path);
}

/** Does not parse lists: one line may be a whole document. */
function objectOrUndefined(text: string): Record<string, unknown> | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return parsePythonJson(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

async function readLines(path: string, format: RecordFormat, options: ReadOptions): Promise<PredictionRecords> {
  const records: PredictionRecord[] = [];
  let place = 0;
  let broken: { where: string; error: UserError } | null = null;
  for await (const lines of textLines(path)) {
    for (const { text, number } of lines) {
      if (broken) throw broken.error;
      const where = `${path}, line ${number}`;
      let record: unknown;
      try {
        record = parse(text, where);
      } catch (error) {
        broken = { where, error: error as UserError }; // the last line may be truncated
        continue;
      }
      const prediction = toPrediction(record, format, place++, where);
      if (prediction) records.push(prediction);
    }
  }
  if (broken === null) return { format: format.name, records };
  if (options.allowTornLine) return { format: format.name, records, tornLine: broken.where };
  throw new UserError(
    `${broken.error.message}. This is the last line, so the file is probably truncated. --allow-partial skips it.`,
  );
}

async function readDocument(path: string): Promise<PredictionRecords> {
  const document = parse(await wholeText(path), path);
  const map = answersById(document);
  if (map) return map;
  const lists = recordsIn(document)?.filter(({ records }) => records.length > 0) ?? [];
  if (lists.length === 0) throw unknownFormat(path, 'JSON', document);
  const parts = lists.map(({ list, records }) => fromList(records, path, 'record', 1, list));
  const other = parts.find(({ format }) => format !== parts[0]!.format);
  if (other) throw new UserError(`${path} contains both ${parts[0]!.format} and ${other.format}.`);
  return { format: parts[0]!.format, records: parts.flatMap(({ records }) => records) };
}

/** @param first number of the first record in messages */
function fromList(
  records: readonly unknown[],
  path: string,
  unit: 'record' | 'row',
  first: number,
  list = '',
): PredictionRecords {
  const format = findRecordFormat(records[0]);
  if (records.length === 0) throw new UserError(`${path} has no rows.`);
  if (!format) throw unknownFormat(path, unit === 'row' ? 'a table' : 'JSON', records[0]);
  return {
    format: format.name,
    records: records.flatMap(
      (record, i) => toPrediction(record, format, i, `${path}, ${unit} ${i + first}${list}`) ?? [],
    ),
  };
}

function parse(text: string, where: string): unknown {
  try {
    return parsePythonJson(text);
  } catch (error) {
    // V8 quotes the text that follows, including line breaks.
    throw new UserError(`${where} is not JSON: ${messageOf(error).replace(/\s+/g, ' ')}`, { cause: error });
  }
}

function toPrediction(
  record: unknown,
  { name, check, toPrediction }: RecordFormat,
  place: number,
  where: string,
): PredictionRecord | null {
  if (check.fits(record)) return toPrediction(record, place);
  throw new UserError(`${where}: ${check.problem()} (the file begins with ${name})`);
}

const SHOWN_FIELDS = 12;

/** The error for a file in no known format. @param value its first record or other content */
export function unknownFormat(path: string, shape: 'JSON' | 'JSON lines' | 'a table', value: unknown): UserError {
  const fields = isObject(value) ? Object.keys(value) : [];
  if (fields.length === 0) return new UserError(`${path} looks like ${shape} without records. ${ACCEPTED}`);
  const shown = fields.slice(0, SHOWN_FIELDS).map((field) => JSON.stringify(field));
  const more = fields.length > SHOWN_FIELDS ? ` and ${fields.length - SHOWN_FIELDS} more` : '';
  return new UserError(`${path} looks like ${shape} with the fields ${shown.join(', ')}${more}. ${ACCEPTED}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
