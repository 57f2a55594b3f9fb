/*
 * The JSON in a report page. The page's script imports only these types, so that it compiles to a single file without
 * imports.
 */

export interface PageData {
  /** The models in table order. */
  systems: { key: string; name: string }[];
  /** Minimum score of a right answer: with ten human answers, half of the full score. */
  rightFrom: number;
  sets: SampleSet[];
  /** WebP images in base64. */
  thumbnails: string[];
}

/** Questions that several models answered under the same protocol. */
export interface SampleSet {
  title: string;
  /** Common end of all prompts; not included in `prompt`. */
  instruction: string;
  /** Indices of the runs in `PageData.systems`; answers and scores of a sample are in this order. */
  systems: number[];
  categories: string[];
  samples: Sample[];
  /** Number of questions asked; `samples` may be a subset. */
  total: number;
}

export interface Sample {
  /** Position in the benchmark's order. */
  row: number;
  id: string | number;
  prompt: string;
  /** Index into `SampleSet.categories`; null without a category. */
  category: number | null;
  /** Reference answers with the number of people who gave each, most frequent first. */
  references: [string, number][];
  /** Null if the run was not asked the question. */
  answers: (string | Failure | null)[];
  /** 0 to 1; null if single answers are not scored. */
  scores: (number | null)[];
  /** Index into `PageData.thumbnails`; null without a thumbnail. */
  thumbnail: number | null;
}

/** A failed question. */
export interface Failure {
  failure: string;
}
