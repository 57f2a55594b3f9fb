/* The JSON in a report page. */

export interface PageData {
  /** The models in table order. */
  systems: { key: string; name: string }[];
  /** Minimum score of a right answer: with ten human answers, half of the full score. */
  rightFrom: number;
  /** None without samples. */
  sets: SampleSet[];
  /** WebP images in base64: some in which small text can be read, then small ones. */
  images: string[];
  /** Number of the former. */
  largeImages: number;
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
  /** Index into `PageData.images`; null without an image on the page. */
  image: number | 'changed' | null;
  /** Prompts, whole and by the place of the run, that are not the sample's. */
  otherPrompts?: [number, string][];
}

/** A failed question. */
export interface Failure {
  failure: string;
}
