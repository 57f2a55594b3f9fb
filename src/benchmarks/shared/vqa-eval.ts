import { memoized } from '../../shared/memoized.js';
import { pyStrip } from '../../shared/python-strings.js';
import { processAnswer } from './evalai-answer-processor.js';
import { vqaAccuracy } from './vqa-accuracy.js';
import { processDigitArticle, processPunctuation } from './vqa-normalisation.js';

/** Human answers to a question. */
export interface HumanAnswers {
  /** As in the annotation file; ten in the official benchmarks. */
  texts: readonly string[];
  /**
   * The other fields of the answers' records, for scripts that compare whole records; null when every record has a unique
   * id, so that no two are equal.
   */
  details: readonly string[] | null;
}

/** Scores a model's answer like one of the official scripts. @returns 0 to 1 */
export type VqaScorer = (answer: string, human: HumanAnswers) => number;

/**
 * VQA's own evaluation. Both sides are normalised, but only when people disagree; a unanimous answer must match exactly.
 * Source: GT-Vision-Lab/VQA vqaEval.py.
 */
export const officialVqa: VqaScorer = (answer, human) => {
  const { isUnanimous, texts } = officialTexts(human);
  const { line, normalised } = processed(answer);
  return leaveOneOut(isUnanimous ? line : normalised, texts, human.details);
};

/** What `officialVqa` compares answers with. Remembers the last one: several scorers take the same question in turn. */
const officialTexts = rememberingLast(({ texts }: HumanAnswers) => {
  const answers = texts.map(processed);
  const isUnanimous = answers.every(({ line }) => line === answers[0]!.line);
  return { isUnanimous, texts: answers.map(({ line, normalised }) => (isUnanimous ? line : normalised)) };
});

/** An answer on one line, and normalised as well. */
const processed = memoized((text) => {
  const line = onOneLine(text);
  return { line, normalised: normalise(line) };
});

/**
 * LLaVA-HR's evaluation of OK-VQA. The model's answer is fully normalised; human answers only lose their punctuation, and
 * only when people disagree. So a human "two" or "the beach" can never match.
 * Source: LLaVA-HR llava_hr/eval/vqa_eval.py (the same in LAVIS).
 */
export const llavaHrVqa: VqaScorer = (answer, { texts, details }) => {
  const isUnanimous = texts.every((text) => text === texts[0]);
  return leaveOneOut(
    normalise(onOneLine(answer)),
    isUnanimous ? texts : texts.map((text) => processPunctuation(text)),
    details,
  );
};

/**
 * VizWiz's own evaluation. The model's answer is normalised, human answers are not, and leave-one-out drops one record at
 * a time. Source: VQAEval of VizWiz's Python API. That script's contractions have typographic apostrophes, which human
 * answers lack; this only affects answers not passed through the EvalAI processor, so it is not reproduced.
 */
export const vizWizVqa: VqaScorer = (answer, { texts }) => vqaAccuracy(normalise(onOneLine(answer)), texts);

/** Passes both sides through the EvalAI processor, as for TextVQA. Source: LLaVA m4c_evaluator.py, lmms-eval. */
export const m4cVqa: VqaScorer = (answer, { texts }) => vqaAccuracy(processAnswer(answer), texts.map(processAnswer));

/**
 * lmms-eval's evaluation of VQAv2: VQA's own, but both sides are normalised even if people agree.
 * Source: lmms_eval/tasks/vqav2/utils.py, vqav2_process_results
 */
export const lmmsEvalVqa: VqaScorer = (answer, { texts, details }) => {
  return leaveOneOut(normaliseAsEvalAi(answer), texts.map(normaliseAsEvalAi), details);
};

/** Scores the processed answer that LLaVA's conversion scripts upload to the evaluation server. */
export function asUploaded(scorer: VqaScorer): VqaScorer {
  return (answer, human) => scorer(processAnswer(answer), human);
}

const onOneLine = memoized((text: string): string => pyStrip(text.replace(/[\n\t]/g, ' ')));

/** Normalises a text like vqaEval.py. */
const normalise = memoized((text: string): string => processDigitArticle(processPunctuation(text)));

/** Normalises a text like lmms-eval's vqav2 task, which takes several commas in a number. */
const normaliseAsEvalAi = memoized((text: string): string =>
  processDigitArticle(processPunctuation(onOneLine(text), 'evalai')),
);

function rememberingLast<T extends object, R>(compute: (value: T) => R): (value: T) => R {
  let last: { value: T; result: R } | null = null;
  return (value) => {
    if (value !== last?.value) last = { value, result: compute(value) };
    return last.result;
  };
}

/** VQA accuracy that leaves out all records equal to the left-out one together. */
function leaveOneOut(answer: string, texts: readonly string[], details: readonly string[] | null): number {
  if (details === null) return vqaAccuracy(answer, texts);
  let sum = 0;
  texts.forEach((leftOut, i) => {
    const matches = texts.filter((text, j) => text === answer && !(text === leftOut && details[j] === details[i]));
    sum += Math.min(1, matches.length / 3);
  });
  return sum / texts.length;
}
