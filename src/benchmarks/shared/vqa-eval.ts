import { pyStrip } from '../../shared/python-strings.js';
import { processAnswer } from './evalai-answer-processor.js';
import { vqaAccuracy } from './vqa-accuracy.js';
import { processDigitArticle, processPunctuation } from './vqa-normalisation.js';

/** What people answered to a question. */
export interface HumanAnswers {
  /** As the annotation file has them; ten in the benchmarks. */
  texts: readonly string[];
  /**
   * What else the records of the answers say, for scripts that compare whole records; null when no two records are
   * equal, since each has an id of its own.
   */
  details: readonly string[] | null;
}

/** Scores the model's answer as one of the scripts does. @returns 0 to 1 */
export type VqaScorer = (answer: string, human: HumanAnswers) => number;

/**
 * VQA's own evaluation: both sides are normalised, but only where people disagree; a unanimous answer must be met
 * letter by letter. Source: GT-Vision-Lab/VQA vqaEval.py.
 */
export const officialVqa: VqaScorer = (answer, { texts, details }) => {
  const human = texts.map(onOneLine);
  const given = onOneLine(answer);
  const isUnanimous = human.every((text) => text === human[0]);
  if (isUnanimous) return leaveOneOut(given, human, details);
  return leaveOneOut(normalise(given), human.map(normalise), details);
};

/**
 * LLaVA-HR's evaluation of OK-VQA: the model's answer is normalised in full, those of people only lose their
 * punctuation, and only where they disagree. A human "two" or "the beach" can so not be met.
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
 * VizWiz's own evaluation: the model's answer is normalised, those of people are taken as they are, and only the
 * answer itself is left out. Source: VQAEval of VizWiz's Python API. Its contractions are written with typographic
 * apostrophes, which people's answers do not have; that matters only for answers which the EvalAI processor has not
 * been applied to, and is not copied.
 */
export const vizWizVqa: VqaScorer = (answer, { texts }) => vqaAccuracy(normalise(onOneLine(answer)), texts);

/** Both sides through the EvalAI processor, as TextVQA is scored. Source: LLaVA m4c_evaluator.py, lmms-eval. */
export const m4cVqa: VqaScorer = (answer, { texts }) => vqaAccuracy(processAnswer(answer), texts.map(processAnswer));

/**
 * lmms-eval's evaluation of VQAv2: VQA's own, but both sides are normalised even if people agree.
 * Source: lmms_eval/tasks/vqav2/utils.py, vqav2_process_results
 */
export const lmmsEvalVqa: VqaScorer = (answer, { texts, details }) => {
  const normalised = (text: string): string => processDigitArticle(processPunctuation(onOneLine(text), 'evalai'));
  return leaveOneOut(normalised(answer), texts.map(normalised), details);
};

/** The score of what LLaVA's conversion scripts upload to the evaluation server instead of the answer itself. */
export function asUploaded(scorer: VqaScorer): VqaScorer {
  return (answer, human) => scorer(processAnswer(answer), human);
}

function onOneLine(text: string): string {
  return pyStrip(text.replace(/[\n\t]/g, ' '));
}

/** The normalisation of vqaEval.py. */
function normalise(text: string): string {
  return processDigitArticle(processPunctuation(text));
}

/** VQA accuracy where all records equal to the one left out go with it. */
function leaveOneOut(answer: string, texts: readonly string[], details: readonly string[] | null): number {
  if (details === null) return vqaAccuracy(answer, texts);
  let sum = 0;
  texts.forEach((leftOut, i) => {
    const matches = texts.filter((text, j) => text === answer && !(text === leftOut && details[j] === details[i]));
    sum += Math.min(1, matches.length / 3);
  });
  return sum / texts.length;
}
