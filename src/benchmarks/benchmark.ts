import type { ImageSource } from '../datasets/image-source.js';
import type { OptionValue } from '../results/runs/run-identity.js';
import type { Formula } from '../results/statistics/formula.js';

/** One question of a benchmark, ready to be asked. */
export interface Question {
  /** Row in the benchmark's own order; the identity of a row, since ids repeat in TextVQA and MME. */
  index: number;
  questionId: string | number;
  /** Name of the image for `ImageSource.read`; null for a question without an image. */
  image: string | null;
  /** The user's turn without the image token: question and instruction, as LLaVA's question file has it. */
  text: string;
}

/** Answers by row index; null where none could be made. */
export type Answers = readonly (string | null)[];

/** What scoring a set of answers gives. */
export interface Score {
  /** Name in `scores` of the number a paper would print. */
  headline: string;
  /**
   * Full precision; percentages from 0 to 100 but for those named in `points`. Names without a "/" are the benchmark's
   * main scores; "accuracy/yes-no" is a part of a breakdown.
   */
  scores: Record<string, number>;
  /** Scores that are sums of points, as MME's. */
  points?: readonly string[];
  /** Questions in the denominator. */
  n: number;
  /** Questions that have no answer. They count as wrong, as in the official scripts. */
  failed: number;
  /** Answers from which the official script cannot tell the option, yes or no; 0 where any text is an answer. */
  unparsable: number;
  /** Score of each row, 0 to 1; null where a row has none of its own. */
  perQuestion: (number | null)[];
  /** How main scores follow from sums over questions, for confidence intervals; keys are names in `scores`. */
  statistics: Record<string, Statistic>;
  /** What a reader must know, such as an official script that would give another number on these answers. */
  notes: readonly string[];
}

/**
 * A score as a function of sums over questions, so that it can be computed again for any resample.
 * A mean has width 2: the score and 1.
 */
export interface Statistic {
  width: number;
  /** [questions, width], row-major */
  counts: Float64Array;
  /** The score from the columns' sums, in the score's unit. */
  formula: Formula;
}

/** A file in the format an evaluation server or an official script takes. */
export interface SubmissionFile {
  name: string;
  content: string;
}

/** A benchmark read from its native files. */
export interface LoadedBenchmark {
  name: string;
  split: string;
  questions: Question[];
  images: ImageSource;
  maxNewTokens: number;
  /** Annotation files that were read, for the run's record. */
  files: string[];
  /** What was asked how, for the run's identity: protocol, OCR tokens, limit. */
  protocol: Record<string, OptionValue>;
  /** The right answer of a question as a person would want to see it; null on splits whose answers are not public. */
  gold(index: number): string | null;
  /** What every person answered, where several were asked. */
  humanAnswers?(index: number): readonly string[];
  /** The part of the benchmark that a question belongs to, where there are parts. */
  category?(index: number): string;
  /** The id of a question in the benchmark's source files, if `questionId` is another one; need not be unique. */
  sourceId?(index: number): string | number;
  /** Score of one answer, 0 to 1, for the running accuracy; null where single answers have none. */
  scoreOne(index: number, answer: string): number | null;
  /** null when the split is scored by a server or a judge. */
  score(answers: Answers): Score | null;
  /** Files for the evaluation server or the official script; empty when there is none. */
  submission(answers: Answers): SubmissionFile[];
}

/** Options that decide what is asked and how it is scored. */
export interface LoadOptions {
  /** One of the benchmark's splits; the first of them by default. */
  split?: string;
  protocol: Protocol;
  /** TextVQA: prompts with reference OCR tokens. Undefined: when LLaVA's question file is there. */
  ocrTokens?: boolean;
  /** Only the first n questions. */
  limit?: number;
  /** custom: file with the questions. */
  questions?: string;
  /** custom: how answers are scored. */
  metric?: string;
  /** False where nobody looks at the images, as for scoring answers: they need not be there. Default true. */
  images?: boolean;
}

/** `llava` is the papers' way; `lmms-eval` follows that tool's common variant where it differs. */
export const PROTOCOLS = ['llava', 'lmms-eval'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Options of commands that some benchmarks take and others do not. */
export type BenchmarkOption =
  | 'data'
  | 'split'
  | 'protocol'
  | 'ocrTokens'
  | 'judge'
  | 'judgeModel'
  | 'judgeRuns'
  | 'judgeKey'
  | 'questions'
  | 'images'
  | 'metric';

/** What every benchmark with official files takes. */
export const OFFICIAL_OPTIONS = { data: 'optional', split: 'optional', protocol: 'optional' } as const;

/** A benchmark as `llavahr list` shows it. Counts are of the official files. */
export interface BenchmarkDefinition {
  name: string;
  title: string;
  metric: string;
  splits: readonly SplitInfo[];
  /** What it takes; an option that is not here is refused (`checkOptions`). */
  options: Readonly<Partial<Record<BenchmarkOption, 'optional' | 'required'>>>;
  /** @throws UserError when files are missing or broken, or the split is none of `splits` (usage) */
  load(folder: string, options: LoadOptions): Promise<LoadedBenchmark>;
  /** Opens the images alone, where that takes none of the other files. */
  openImages?(folder: string): Promise<ImageSource>;
}

export interface SplitInfo {
  name: string;
  questions: number;
  /** null where the sources do not say. */
  images: number | null;
  scored: 'here' | 'server' | 'judge';
  note?: string;
}
