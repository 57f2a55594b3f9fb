import { lowerWithoutPunctuation, pyRstrip, pyStrip } from '../../shared/python-strings.js';
import { popeVerdict } from '../pope-score.js';
import { processAnswer } from '../shared/evalai-answer-processor.js';
import { vqaAccuracy } from '../shared/vqa-accuracy.js';
import { anls } from './anls.js';
import type { MetricName } from './metric-names.js';
import { isOpenMatch, mmmuLetter } from './mmmu.js';
import { inferredLetter, OPTION_LETTERS, optionLetter } from './option-letter.js';
import { isRelaxedMatch } from './relaxed-accuracy.js';
import { squadF1 } from './squad-f1.js';
import { containsAnswer, containsFormula } from './substring.js';

/** Scores an answer from 0 to 1; null when it names no option, which counts as wrong. */
export type Grader = (answer: string) => number | null;

/** A question as metrics see it. */
export interface Reference {
  /** One or more right answers. */
  answers: readonly string[];
  /** Texts of A, B, C ...; empty for an open question. */
  options: readonly string[];
  /** substring: whether the question asks for a formula. */
  isFormula?: boolean;
}

/** Settings of metrics. */
export interface MetricSettings {
  /** relaxed: share by which a number may differ. */
  tolerance?: number;
  /** anls: similarities below it count as zero. */
  threshold?: number;
}

/** With leave-one-out and min(1, matches / 3), fewer answers can never give a full score. */
const VQA_MIN_ANSWERS = 4;

/**
 * Builds a question's grader from its right answers, or returns a message that says why they are unsuitable.
 *
 * - `exact`: equal to any right answer, ignoring case, surrounding whitespace and trailing periods.
 * - `exact-words`: equal to any right answer, ignoring case and ASCII punctuation.
 * - `vqa`: VQA accuracy with leave-one-out and EvalAI normalisation; intended for ten answers per question.
 * - `choice`: the letter of an option, see `optionLetter`.
 * - `choice-vlmevalkit`: the same by VLMEvalKit's rules, which also find an option's text in the answer.
 * - `yes-no`: yes or no by the rule of POPE's script, where any text that does not say no means yes.
 * - `relaxed`: ChartQA's relaxed accuracy.
 * - `anls`: DocVQA's similarity.
 * - `substring`: the answer contains a right one, by OCRBench's rules.
 * - `f1`: SQuAD's overlap of words.
 * - `mmmu`: MMMU's reading of answers to multiple-choice and open questions.
 */
export const METRICS: Readonly<
  Record<MetricName, (reference: Reference, settings: MetricSettings) => Grader | string>
> = {
  exact({ answers }): Grader | string {
    const right = new Set(answers.map(comparable));
    return (answer) => Number(right.has(comparable(answer)));
  },

  // Source: exact_match of Hugging Face's evaluate with ignore_case and ignore_punctuation, as lmms-eval's ai2d uses it.
  'exact-words'({ answers }): Grader | string {
    const right = new Set(answers.map(lowerWithoutPunctuation));
    return (answer) => Number(right.has(lowerWithoutPunctuation(answer)));
  },

  vqa({ answers }): Grader | string {
    if (answers.length < VQA_MIN_ANSWERS) {
      return (
        `the metric vqa needs at least ${VQA_MIN_ANSWERS} answers per question, got ${answers.length}; with fewer, no ` +
        'answer can reach the full score. Use the metric exact.'
      );
    }
    const humanAnswers = answers.map(processAnswer);
    return (answer) => vqaAccuracy(processAnswer(answer), humanAnswers);
  },

  choice({ answers, options }): Grader | string {
    const letter = answers.length === 1 ? optionLetter(answers[0]!) : null;
    if (letter === null) return `the metric choice needs exactly one answer, an option's letter; got ${list(answers)}.`;
    if (options.length > 0 && OPTION_LETTERS.indexOf(letter) >= options.length) {
      const count = options.length === 1 ? 'is only 1 option' : `are only ${options.length} options`;
      return `the right answer is ${letter}, but there ${count}: they end at the first empty one.`;
    }
    return byLetter(letter, optionLetter);
  },

  'choice-vlmevalkit'({ answers, options }): Grader | string {
    const letter = answers.length === 1 ? optionLetter(answers[0]!) : null;
    const isOption = letter !== null && OPTION_LETTERS.indexOf(letter) < options.length;
    if (!isOption) {
      return `the metric choice-vlmevalkit needs exactly one answer, the letter of one of ${options.length} options; got ${list(answers)}.`;
    }
    return byLetter(letter, (answer) => inferredLetter(answer, options));
  },

  'yes-no'({ answers }): Grader | string {
    const right = answers.length === 1 ? comparable(answers[0]!) : null;
    if (right !== 'yes' && right !== 'no') {
      return `the metric yes-no needs exactly one answer, "yes" or "no"; got ${list(answers)}.`;
    }
    return (answer) => Number(popeVerdict(answer, 'llava') === right);
  },

  relaxed({ answers }, { tolerance = 0.05 }): Grader | string {
    return (answer) => Number(answers.some((right) => isRelaxedMatch(answer, right, tolerance)));
  },

  anls({ answers }, { threshold = 0.5 }): Grader | string {
    return (answer) => anls(answer, answers, threshold);
  },

  substring({ answers, isFormula = false }): Grader | string {
    if (hasEmptyOne(answers)) return containedInAll('substring', answers);
    const contains = isFormula ? containsFormula : containsAnswer;
    return (answer) => Number(contains(answer, answers));
  },

  f1({ answers }): Grader | string {
    return (answer) => squadF1(answer, answers);
  },

  mmmu({ answers, options }): Grader | string {
    if (options.length === 0 && hasEmptyOne(answers)) return containedInAll('mmmu', answers);
    if (options.length === 0) return (answer) => Number(isOpenMatch(answer, answers));
    const right = new Set(answers);
    const letters = OPTION_LETTERS.slice(0, options.length);
    if (![...right].every((letter) => letter.length === 1 && letters.includes(letter))) {
      return `the metric mmmu needs the letters of options where there are options; got ${list(answers)}.`;
    }
    return (answer) => {
      const chosen = mmmuLetter(answer, options);
      return chosen === null ? null : Number(right.has(chosen));
    };
  },
};

function byLetter(right: string, letterOf: (answer: string) => string | null): Grader {
  return (answer) => {
    const chosen = letterOf(answer);
    return chosen === null ? null : Number(chosen === right);
  };
}

/** Whether a list of answers was filled up with empty ones. */
function hasEmptyOne(answers: readonly string[]): boolean {
  return answers.length > 1 && answers.some((answer) => pyStrip(answer) === '');
}

function containedInAll(metric: MetricName, answers: readonly string[]): string {
  return `an empty right answer is contained in every answer by the metric ${metric}; got ${list(answers)}.`;
}

function list(answers: readonly string[]): string {
  return JSON.stringify(answers).slice(1, -1);
}

function comparable(text: string): string {
  return pyRstrip(pyStrip(text).toLowerCase(), '.');
}
