import { basename } from 'node:path';
import { UserError } from '../../shared/errors.js';
import type { PredictionRecord, PredictionRecords } from './prediction-record.js';
import { textLines } from './text-lines.js';

/**
 * Reads result files of MME's eval_tool: one per task, named after it, with a tab-separated line "image, question,
 * correct answer, answer" for every question.
 * @throws UserError for a line with fewer fields
 */
export async function readMmeResults(paths: readonly string[]): Promise<PredictionRecords> {
  const records: PredictionRecord[] = [];
  for (const path of paths) {
    const task = basename(path, '.txt');
    for await (const lines of textLines(path)) {
      for (const { text, number } of lines) {
        const [image, question, , ...answer] = text.replace(/\r$/, '').split('\t');
        if (answer.length === 0) {
          const fields = 'image, question, correct answer and answer, separated by tabs';
          throw new UserError(
            `${path}, line ${number} must have four fields: ${fields}. Without answers it has only three.`,
          );
        }
        records.push({ id: `${task}/${image}`, idKind: 'question', prompt: question!, answer: answer.join('\t') });
      }
    }
  }
  return { format: 'MME results', records };
}
