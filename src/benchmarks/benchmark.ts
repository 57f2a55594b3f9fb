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

/** What scoring a set of answers gives. Numbers are at full precision, percentages from 0 to 100. */
export interface Score {
  /** Name in `scores` of the number a paper would print. */
  headline: string;
  scores: Record<string, number>;
  /** Questions in the denominator. */
  n: number;
  /** Questions that have no answer. They count as wrong, as in the official scripts. */
  failed: number;
  /** Score of each row, 0 to 1. */
  perQuestion: number[];
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
  /** Score of one answer, 0 to 1, for the running accuracy. */
  scoreOne(index: number, answer: string): number;
  score(answers: Answers): Score;
}

/** Images of a benchmark: a folder, or a zip archive read without unpacking. */
export interface ImageSource {
  /** Encoded bytes of one image. @throws ImageError when it is missing */
  read(image: string): Promise<Uint8Array>;
  close(): Promise<void>;
}
