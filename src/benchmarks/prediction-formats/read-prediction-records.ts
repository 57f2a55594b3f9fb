import { readFile } from 'node:fs/promises';
import { messageOf, UserError } from '../../shared/errors.js';
import { mapOf, schemaCheck, TEXT } from '../../shared/json-schema.js';
import { parseJson } from '../../shared/parse-json.js';
import { findPredictionFiles } from './find-prediction-files.js';
import { readMmeResults } from './mme-results.js';
import type { PredictionRecord, PredictionRecords } from './prediction-record.js';
import { findRecordFormat, RECORD_FIELDS, type RecordFormat } from './record-formats.js';
import { textLines, withoutMark } from './text-lines.js';

/** Answers by question id. Source: LLaVA convert_mmvet_for_eval.py */
const answerMap = schemaCheck<Record<string, string>>(mapOf(TEXT));

/**
 * Reads the predictions of a file or folder in any of the formats that LLaVA's scripts, the evaluation servers and
 * lmms-eval use. The format follows from the content.
 * @throws UserError when nothing can be read, naming file and record
 */
export async function readPredictionRecords(path: string): Promise<PredictionRecords> {
  const files = await findPredictionFiles(path);
  if (files.every((file) => file.endsWith('.txt'))) return readMmeResults(files);
  const parts: PredictionRecords[] = [];
  for (const file of files) {
    const part = await readJsonFile(file);
    if (part.format !== (parts[0] ?? part).format) {
      throw new UserError(`${file} holds ${part.format}, but ${files[0]} ${parts[0]!.format}.`);
    }
    parts.push(part);
  }
  return { format: parts[0]!.format, records: parts.flatMap(({ records }) => records) };
}

/** JSON lines when the first line is a record; otherwise one JSON document. */
async function readJsonFile(path: string): Promise<PredictionRecords> {
  for await (const { text } of textLines(path)) {
    const format = findRecordFormat(parseOrUndefined(text));
    return format ? readLines(path, format) : readDocument(path);
  }
  throw new UserError(`${path} is empty.`);
}

function parseOrUndefined(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

async function readLines(path: string, format: RecordFormat): Promise<PredictionRecords> {
  const records: PredictionRecord[] = [];
  for await (const { text, number } of textLines(path)) {
    const where = `${path}, line ${number}`;
    records.push(toPrediction(parse(text, where), format, where));
  }
  return { format: format.name, records };
}

async function readDocument(path: string): Promise<PredictionRecords> {
  const document = parse(await readText(path), path);
  if (Array.isArray(document) && document.length > 0) {
    const format = findRecordFormat(document[0]);
    if (!format) throw unknownFormat(path);
    const records = document.map((record, i) => toPrediction(record, format, `${path}, record ${i + 1}`));
    return { format: format.name, records };
  }
  if (!answerMap.fits(document)) throw unknownFormat(path);
  const records = Object.entries(document).map(
    ([id, answer]): PredictionRecord => ({ id, idKind: 'question', prompt: null, answer }),
  );
  return { format: 'MM-Vet results', records };
}

async function readText(path: string): Promise<string> {
  try {
    return withoutMark(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function parse(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UserError(`${where} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

function toPrediction(record: unknown, { name, check, toPrediction }: RecordFormat, where: string): PredictionRecord {
  if (check.fits(record)) return toPrediction(record);
  throw new UserError(`${where}: ${check.problem()} (the file begins with ${name})`);
}

function unknownFormat(path: string): UserError {
  return new UserError(
    `${path} has none of the formats that are known. A record has these fields (${RECORD_FIELDS}); or the file is one ` +
      'JSON object of answers by question id (MM-Vet), or result files of MME (.txt).',
  );
}
