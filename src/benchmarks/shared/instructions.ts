/* Instructions at the end of several benchmarks' prompts, word for word as in LLaVA's training data. */

/** Source: LLaVA docs/Evaluation.md and its question files. */
export const SHORT_ANSWER = '\nAnswer the question using a single word or phrase.';

/** For multiple-choice questions. */
export const LETTER_ANSWER = "\nAnswer with the option's letter from the given choices directly.";

/** For VizWiz, whose images often do not show what the question is about. */
export const MAY_BE_UNANSWERABLE = `\nWhen the provided information is insufficient, respond with 'Unanswerable'.${SHORT_ANSWER}`;
