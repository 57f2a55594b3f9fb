import { objectOf, POSITIVE, TEXT } from '../../shared/json-schema.js';
import type { FailedPrediction, Prediction } from './predictions.js';

/** Questions that failed for one reason. */
export interface FailureCount {
  /** `error.code` in predictions.jsonl. */
  code: string;
  questions: number;
  /** The first of them, and its `error.message`. */
  first: { question_id: string | number; message: string };
}

/** Schema of a list of `FailureCount`. */
export const failuresSchema = {
  type: 'array',
  items: objectOf<FailureCount>({
    code: TEXT,
    questions: POSITIVE,
    first: objectOf<FailureCount['first']>({ question_id: { type: ['string', 'number'] }, message: TEXT }),
  }),
};

/** Counts a run's failed questions by reason, the most frequent first. */
export function countFailures(predictions: readonly Prediction[]): FailureCount[] {
  const byCode = new Map<string, FailureCount>();
  for (const prediction of predictions) {
    if (!isFailed(prediction)) continue;
    const { error, question_id } = prediction;
    const known = byCode.get(error.code);
    if (known) known.questions++;
    else byCode.set(error.code, { code: error.code, questions: 1, first: { question_id, message: error.message } });
  }
  return [...byCode.values()].sort((a, b) => b.questions - a.questions);
}

function isFailed(prediction: Prediction): prediction is FailedPrediction {
  return prediction.text === null;
}

const SHOWN_MESSAGE = 300; // characters

/** "2 image-missing, the first: question 34: a.jpg does not exist" */
export function describeFailure({ code, questions, first }: FailureCount): string {
  const which = questions === 1 ? '' : 'the first: ';
  const { question_id, message } = first;
  const shown = message.length > SHOWN_MESSAGE ? `${message.slice(0, SHOWN_MESSAGE)} ...` : message;
  return `${questions} ${code}, ${which}question ${question_id}: ${shown}`;
}

/** What to do about failed questions: asking again helps only if the cause may have gone. */
const REMEDIES: readonly [codes: RegExp, remedy: string][] = [
  [/^image-(missing|unreadable)$/, 'Once their images are there and intact, the same command asks them again.'],
  [/^(out-of-memory|worker-crashed|inference-failed|server-failed)$/, 'Rerun the same command to ask them again.'],
];
const NO_REMEDY = 'Asking them again would give the same result.';

/** The remedies for some failures, each once. */
export function remediesFor(failures: readonly FailureCount[]): string[] {
  const remedyOf = ({ code }: FailureCount): string => REMEDIES.find(([codes]) => codes.test(code))?.[1] ?? NO_REMEDY;
  const all = [...new Set(failures.map(remedyOf))];
  if (all.length < 2) return all;
  return all.map((remedy) => {
    const codes = failures.filter((failure) => remedyOf(failure) === remedy).map(({ code }) => code);
    return `${codes.join(', ')}: ${remedy}`;
  });
}
