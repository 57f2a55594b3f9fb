/*
 * The JSON in a report page. The page's script imports these types and nothing else, so that it is one file without
 * imports when it runs.
 */

export interface PageData {
  /** The models in the order of the tables' lines. */
  systems: { key: string; name: string }[];
  /** Scores from here up count as right: with ten human answers, half of the full score. */
  rightFrom: number;
  sets: SampleSet[];
  /** WebP images in base64. */
  thumbnails: string[];
}

/** Questions that several models were asked in the same way. */
export interface SampleSet {
  title: string;
  /** What every prompt ends with; left out of `prompt`. */
  instruction: string;
  /** Places in `PageData.systems` of the runs; answers and scores of a sample are in this order. */
  systems: number[];
  categories: string[];
  samples: Sample[];
  /** Questions that were asked; `samples` may be a part of them. */
  total: number;
}

export interface Sample {
  /** Row in the benchmark's order. */
  row: number;
  id: string | number;
  prompt: string;
  /** Place in `SampleSet.categories`; null without one. */
  category: number | null;
  /** Right answers and how many people gave each, the most frequent first. */
  references: [string, number][];
  /** null where the run has no line for the question. */
  answers: (string | Failure | null)[];
  /** 0 to 1; null where single answers are not scored. */
  scores: (number | null)[];
  /** Place in `PageData.thumbnails`; null without one. */
  thumbnail: number | null;
}

/** No answer could be made. */
export interface Failure {
  failure: string;
}
