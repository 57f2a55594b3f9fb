import { basename } from 'node:path';
import { UserError } from '../../shared/errors.js';
import type { PredictionRecord, PredictionRecords } from './prediction-record.js';
import { textLines } from './text-lines.js';

/**
 * Reads result files of MME's eval_tool: one per task, named after it, with a line "image, question, right answer,
 * answer" for every question, separated by tabs.
 * @throws UserError for a line that has fewer fields
 */
export async function readMmeResults(paths: readonly string[]): Promise<PredictionRecords> {
  const records: PredictionRecord[] = [];
  for (const path of paths) {
    const task = basename(path, '.txt');
    for await (const lines of textLines(path)) {
      for (const { text, number } of lines) {
        const [image, question, , ...answer] = text.replace(/\r$/, '').split('\t');
        if (answer.length === 0) {
          const fields = 'image, question, right answer and answer, separated by tabs';
          throw new UserError(
            `${path}, line ${number} must have four fields: ${fields}. A file without answers has three.`,
          );
        }
        records.push({ id: `${task}/${image}`, idKind: 'question', prompt: question!, answer: answer.join('\t') });
      }
    }
  }
  return { format: 'MME results', records };
}
