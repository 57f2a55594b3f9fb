import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../shared/errors.js';
import { type Ownership, replaceFile } from '../../shared/json-file.js';
import { type Damage, describeDamage, type LineSpan, openJsonLines, readJsonLines } from '../../shared/json-lines.js';
import { COUNT, nullable, objectOf, schemaCheck, TEXT } from '../../shared/json-schema.js';

/**
 * One line of predictions.jsonl: LLaVA's answer format followed by more fields, so that LLaVA's own scripts can read the
 * file. Source: LLaVA llava/eval/model_vqa_loader.py
 */
export type Prediction = AnsweredPrediction | FailedPrediction;

export interface AnsweredPrediction extends PredictionHead {
  text: string;
  /** Generated tokens, including the end token; null for a server that does not count them. */
  tokens: number | null;
}

/** A failed question. It is asked again when the run is resumed. */
export interface FailedPrediction extends PredictionHead {
  text: null;
  error: { code: string; message: string };
}

interface PredictionHead {
  /** Position in the benchmark's order; the only unique key, since question ids may repeat. */
  index: number;
  question_id: string | number;
  /** The user's turn without the image token. */
  prompt: string;
  answer_id: string;
  model_id: string;
  metadata: Record<string, never>;
}

/** The predictions file of a run in progress. */
export interface PredictionsFile {
  /** Answer by question index; null if the last attempt failed. Questions not asked yet are absent. */
  readonly answers: ReadonlyMap<number, string | null>;
  /** `answer_id` of the last line by row index. */
  readonly answerIds: ReadonlyMap<number, string>;
  /** Lines that were skipped on opening: their rows count as never asked. `finish` leaves them out. */
  damage: Damage;
  /** Appends a batch; resolves once it is on disk. Calls must not overlap. */
  append(predictions: readonly Prediction[]): Promise<void>;
  /** Rewrites the file with one line per question, in the benchmark's order, and closes it. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

const LINES_PER_WRITE = 1000;

const head = {
  index: COUNT,
  question_id: { type: ['string', 'number'] },
  prompt: TEXT,
  answer_id: TEXT,
  model_id: TEXT,
  metadata: { type: 'object' },
};
const answered = objectOf<AnsweredPrediction>({
  ...head,
  text: TEXT,
  tokens: nullable(COUNT),
});
const failed = objectOf<FailedPrediction>({
  ...head,
  text: { type: 'null' },
  error: objectOf<FailedPrediction['error']>({ code: TEXT, message: TEXT }),
});

const checkLine = schemaCheck<Prediction>({
  type: 'object',
  if: { properties: { text: { type: 'null' } }, required: ['text'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: failed,
  else: answered,
});

/**
 * Opens predictions.jsonl, which is also the cache of a run: questions answered in it are not asked again. If a question has
 * several lines, the last one counts. An incomplete last line is removed.
 */
export async function openPredictions(path: string, owner?: Ownership): Promise<PredictionsFile> {
  const answers = new Map<number, string | null>();
  const answerIds = new Map<number, string>();
  const note = ({ index, text, answer_id }: Prediction): void => {
    answers.set(index, text);
    answerIds.set(index, answer_id);
  };
  const file = await openJsonLines(path, checkLine, note, owner);
  return {
    answers,
    answerIds,
    damage: file.damage,
    async append(predictions) {
      await file.append(predictions);
      for (const prediction of predictions) note(prediction);
    },
    async finish() {
      // From what the file holds now, not from what this process remembers of it.
      const spans = new Map<number, LineSpan>();
      const damage = await file.rescan(({ index }, span) => spans.set(index, span));
      const lost = [...answers.keys()].filter((index) => !spans.has(index));
      if (lost.length > 0) {
        const why = damage.lines > 0 ? describeDamage(path, damage) : `${path} was changed by another program`;
        throw new UserError(`${why}: ${lost.length} answers are gone. The same command asks their questions again.`);
      }
      const ordered = [...spans].sort(([a], [b]) => a - b).map(([, span]) => span);
      const copy = async (target: FileHandle): Promise<void> => {
        for (let i = 0; i < ordered.length; i += LINES_PER_WRITE) {
          await target.appendFile(Buffer.concat(ordered.slice(i, i + LINES_PER_WRITE).map(file.readLine)));
        }
        await file.close();
      };
      await replaceFile(path, copy, owner);
    },
    close: file.close,
  };
}

/**
 * Reads the predictions of a run: one per question asked, in the benchmark's order. Empty if the file does not exist.
 * @throws UserError if lines are damaged
 */
export async function readPredictions(path: string): Promise<Prediction[]> {
  if (!existsSync(path)) return [];
  const byIndex = new Map<number, Prediction>();
  const damage = await readJsonLines(path, checkLine, (prediction) => byIndex.set(prediction.index, prediction));
  if (damage.lines > 0) {
    throw new UserError(
      `${describeDamage(path, damage)}. Rerun the eval command of the run to answer their questions again.`,
    );
  }
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}
