import { existsSync } from 'node:fs';
import { UserError } from '../../shared/errors.js';
import { replaceFile } from '../../shared/json-file.js';
import { type Damage, describeDamage, type LineSpan, openJsonLines, readJsonLines } from '../../shared/json-lines.js';
import { COUNT, objectOf, schemaCheck, TEXT } from '../../shared/json-schema.js';

/**
 * One line of predictions.jsonl: LLaVA's answer format followed by more fields, so that LLaVA's own scripts can read the
 * file. Source: LLaVA llava/eval/model_vqa_loader.py
 */
export type Prediction = AnsweredPrediction | FailedPrediction;

export interface AnsweredPrediction extends PredictionHead {
  text: string;
  /** Generated tokens, including the end token. */
  tokens: number;
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
  /** Lines that were skipped on opening: their questions count as not asked. `finish` removes them. */
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
  tokens: COUNT,
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
export async function openPredictions(path: string): Promise<PredictionsFile> {
  const answers = new Map<number, string | null>();
  const spans = new Map<number, LineSpan>();
  const note = ({ index, text }: Prediction, span: LineSpan): void => {
    answers.set(index, text);
    spans.set(index, span);
  };
  const file = await openJsonLines(path, checkLine, note);
  return {
    answers,
    damage: file.damage,
    async append(predictions) {
      const written = await file.append(predictions);
      predictions.forEach((prediction, i) => {
        note(prediction, written[i]!);
      });
    },
    async finish() {
      const ordered = [...spans].sort(([a], [b]) => a - b).map(([, span]) => span);
      await replaceFile(path, async (target) => {
        for (let i = 0; i < ordered.length; i += LINES_PER_WRITE) {
          await target.appendFile(Buffer.concat(ordered.slice(i, i + LINES_PER_WRITE).map(file.readLine)));
        }
        await file.close();
      });
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
