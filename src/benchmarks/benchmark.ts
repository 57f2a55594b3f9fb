import type { Catalogue } from '../datasets/catalogue-schema.js';
import type { ImageSource } from '../datasets/image-source.js';
import type { OptionValue } from '../results/runs/run-identity.js';
import type { Statistic } from '../results/statistics/formula.js';

/** One question of a benchmark with its prompt. */
export interface Question {
  /** Position in the benchmark's order. Identifies the question, since ids repeat in TextVQA and MME. */
  index: number;
  questionId: string | number;
  /** Name of the image for `ImageSource.read`; null for a question without an image. */
  image: string | null;
  /** The user's turn without the image token: question and instruction, as in LLaVA's question files. */
  text: string;
}

/** Answers by question index; null for failed questions. */
export type Answers = readonly (string | null)[];

/** The scores of a set of answers. */
export interface Score {
  /** Name in `scores` of the number reported in papers; null for a part of the benchmark that does not yield it. */
  headline: string | null;
  /**
   * Full precision; percentages from 0 to 100, except those named in `points`. Names without "/" are the benchmark's main
   * scores; names such as "accuracy/yes-no" belong to a breakdown.
   */
  scores: Record<string, number>;
  /** Number of questions each score covers. */
  counts: Record<string, number>;
  /** Names of scores that are sums of points, as in MME. */
  points?: readonly string[];
  /** Questions in the denominator. */
  n: number;
  /** Questions without an answer. They count as wrong, as in the official scripts. */
  failed: number;
  /** Answers in which the official script finds no option, yes or no; 0 where any text is valid. */
  unparsable: number;
  /** Score of each question, 0 to 1; null for questions without a score of their own. */
  perQuestion: (number | null)[];
  /** How main scores derive from sums over questions, for confidence intervals; keys are names in `scores`. */
  statistics: Record<string, Statistic>;
  /** Caveats for readers, such as an official script that would give a different number for these answers. */
  notes: readonly string[];
}

/** A file in the format expected by an evaluation server or an official script. */
export interface SubmissionFile {
  name: string;
  content: string;
}

/** A benchmark loaded from its native files. */
export interface LoadedBenchmark {
  name: string;
  split: string;
  questions: Question[];
  images: ImageSource;
  maxNewTokens: number;
  /** Replaces the conversation's system text; part of `protocol`. */
  systemPrompt?: string;
  /** Paths of the annotation files read, recorded with the run. */
  files: string[];
  /** Options that affect questions and scores, part of the run's identity: protocol, OCR tokens, limit. */
  protocol: Record<string, OptionValue>;
  /** The correct answer in readable form; null for splits whose answers are not public. */
  gold(index: number): string | null;
  /** All human answers, for benchmarks that have several. */
  humanAnswers?(index: number): readonly string[];
  /** The category a question belongs to, for benchmarks with categories. */
  category?(index: number): string;
  /** A question's id in the benchmark's source files, if it differs from `questionId`; need not be unique. */
  sourceId?(index: number): string | number;
  /** The main score is made of groups of questions, such as MME's pairs or the copies in circular evaluation. */
  isScoredInGroups?: boolean;
  /** Score of one answer, 0 to 1; null where single answers are not scored. */
  scoreOne(index: number, answer: string): number | null;
  /**
   * null for splits scored by a server or a judge.
   * @param answers to all questions
   * @param part indices of the questions to score, as if no others had been asked (default: all). A score that would mean
   *   something else without the others is omitted; `perQuestion` and `statistics` are indexed by position in the part.
   */
  score(answers: Answers, part?: readonly number[]): Score | null;
  /** How the script of the protocol treats unanswered questions. */
  missingAnswers?: MissingAnswers;
  /** Files for the evaluation server or the official script; may be empty. */
  submission(answers: Answers): SubmissionFile[];
}

/** How an official script treats unanswered questions. */
export interface MissingAnswers {
  /** A complete sentence. */
  treatment: string;
  /** The scores it then prints, if any. */
  scores?(answers: Answers): Record<string, number>;
}

/** Options that select the questions and how they are asked and scored. */
export interface LoadOptions {
  /** One of the benchmark's splits (default: the first). */
  split?: string;
  protocol: Protocol;
  /** TextVQA: prompts with reference OCR tokens (default: if LLaVA's question file is present). */
  ocrTokens?: boolean;
  /** Only the first n questions. */
  limit?: number;
  /** custom: file with the questions. */
  questions?: string;
  /** custom: how answers are scored. */
  metric?: string;
  /** Open the images (default: true). False for scoring existing answers, which does not need them. */
  images?: boolean;
}

/** `llava` follows LLaVA's scripts, as the papers do; `lmms-eval` follows lmms-eval where it differs. */
export const PROTOCOLS = ['llava', 'lmms-eval'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Command-line options that only some benchmarks support. */
export type BenchmarkOption =
  | 'data'
  | 'split'
  | 'protocol'
  | 'ocrTokens'
  | 'judge'
  | 'judgeModel'
  | 'judgeRuns'
  | 'judgeKey'
  | 'judgePrices'
  | 'questions'
  | 'images'
  | 'metric';

/** Options supported by every benchmark with official files. */
export const OFFICIAL_OPTIONS = { data: 'optional', split: 'optional', protocol: 'optional' } as const;

/** A benchmark and how to load it. Counts refer to the official files. */
export interface BenchmarkDefinition {
  name: string;
  title: string;
  metric: string;
  splits: readonly SplitInfo[];
  /** Supported options; others are rejected (`checkOptions`). */
  options: Readonly<Partial<Record<BenchmarkOption, 'optional' | 'required'>>>;
  /** @throws UserError when files are missing or invalid, or (usage) the split is not one of `splits` */
  load(folder: string, options: LoadOptions): Promise<LoadedBenchmark>;
  /** The file that describes it, if it is not part of llavahr, and the folder of its data unless told otherwise. */
  taskFile?: { path: string; folder: string };
  /** Where its files are downloaded from, if that is not in datasets.json; null for nowhere. */
  downloads?: Pick<Catalogue, 'assets' | 'benchmarks'> | null;
  /** Scores published for it, if they are not in published.ts. */
  published?: readonly PublishedScore[];
  /** Opens the images of a split alone, where that takes none of the other files. */
  openImages?(folder: string, split: string): Promise<ImageSource>;
}

export interface SplitInfo {
  name: string;
  /** null if unknown, also for `images`. */
  questions: number | null;
  images: number | null;
  scored: 'here' | 'server' | 'judge';
  note?: string;
}

/** Where numbers were published. */
export interface PublishedSource {
  title: string;
  /** URL of the revision the numbers were taken from. */
  address: string;
}

export interface PublishedScore {
  model: string;
  /** Side of the square input image in pixels. */
  resolution: number;
  /** The benchmark's name. */
  benchmark: string;
  split: string;
  /** The benchmark's headline: percent, or points for MME. */
  score: number;
  source: PublishedSource;
  /** How the score was measured; null for a benchmark that has only one way. */
  protocol: PublishedProtocol | null;
  /** Caveat for comparisons; null if there is none. */
  note: string | null;
}

/** Settings that must match for a measured score to be comparable with a published one. */
export interface PublishedProtocol {
  name: Protocol;
  /** TextVQA: prompts with reference OCR tokens. */
  ocrTokens: boolean;
}
