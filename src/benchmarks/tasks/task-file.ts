import type { MetricName } from '../metrics/metric-names.js';

/** A benchmark described by a JSON file; docs/task-files.md explains every field. Keys that begin with "//" are comments. */
export interface TaskFile {
  schemaVersion: 1;
  name: string;
  title?: string;
  /** What the data are and where they come from, in complete sentences; part of the error when a file is missing. */
  source?: string;
  licence?: string;
  notes?: string[];
  /** By name; the first is the default. */
  splits: Record<string, TaskSplit>;
  fields: TaskFields;
  /** What the answer column has (default: text). */
  answerIs?: AnswerKind;
  /** Cells that mean "nothing here" (default: empty ones). */
  missing?: string[];
  /** Absent for questions without images. */
  image?: TaskImage;
  prompt: TaskPrompt;
  /** Default: "{letter}. {option}". */
  optionFormat?: string;
  /** Default: a line feed. */
  optionSeparator?: string;
  systemPrompt?: string;
  /** Default: 128. */
  maxNewTokens?: number;
  extract?: TaskExtract;
  metric: MetricName | TaskMetric;
  /** How question scores make the score (default: mean). */
  score?: 'mean' | 'sum' | 'macro-mean';
  /** Questions that count as one, which is right if all of its copies are. */
  circular?: { column: string; modulo?: number };
  /** Scores of categories are main scores, with intervals (default: false). */
  mainCategories?: boolean;
  /** Names of category values in scores. */
  categoryNames?: Record<string, string>;
  published?: TaskPublished[];
}

export interface TaskSplit {
  /** Tables with a row per question, in the data folder: JSON, JSON Lines, CSV, TSV or Parquet; "*" in a name for several. */
  files: string[];
  /** JSON: field with the list of questions. */
  list?: string;
  /** Only rows whose column has one of these values. */
  where?: Record<string, string[]>;
  /** Overrides `image.in`. */
  imagesIn?: string;
  /** Number of questions and images of the complete split. */
  questions?: number;
  images?: number;
  /** `server` for a split whose answers are not public (default: here). */
  scored?: 'here' | 'server';
  note?: string;
  downloads?: TaskDownload[];
}

/** A file that `llavahr download` fetches into the data folder. */
export interface TaskDownload {
  to: string;
  urls: string[];
  bytes?: number;
  sha256?: string;
  md5?: string;
}

/** Names of columns. */
export interface TaskFields {
  /** Default: the row's number. */
  id?: string;
  question: string;
  /** A column per option, or one column with a list. */
  options?: string | string[];
  /** Absent for questions without answers. Of several columns a row may have one. */
  answer?: string | string[];
  /** Breakdowns of the score. */
  category?: string | string[];
}

/**
 * `text`: an answer, or several as a list. `list`: text that may hold a JSON or Python list of answers. `index`: 0-based
 * position in the options. `option`: the text of an option.
 */
export type AnswerKind = 'text' | 'list' | 'index' | 'option';

/** Where images are: files, or cells of the table. */
export type TaskImage =
  | {
      /** Template of the file's name. */
      file: string;
      /** Folder or zip archive in the data folder. */
      in: string;
    }
  | {
      /** Column with base64 text or bytes. */
      column: string;
      /** Which rows have the same image: those with equal content, those with equal cells in columns, or none (default: row). */
      id?: 'row' | 'content' | string[];
    };

/** A template, or a list of parts of which those with a missing optional field are left out. */
export type Template = string | string[];
export type TaskPrompt = Template | { withOptions: Template; withoutOptions: Template };

export interface TaskExtract {
  /** RE2 patterns; the first that matches gives its first group, or the whole match. */
  patterns: string[];
  /** What is scored if none matches (default: whole). */
  otherwise?: 'whole' | 'nothing';
}

export interface TaskMetric {
  name: MetricName;
  /** relaxed: share by which a number may differ (default: 0.05). */
  tolerance?: number;
  /** anls: similarities below it count as zero (default: 0.5). */
  threshold?: number;
  /** substring: rows whose answers are formulas, which are compared with case and without spaces. */
  formulas?: { column: string; values: string[] };
}

export interface TaskPublished {
  model: string;
  /** Side of the square input in pixels. */
  resolution: number;
  split: string;
  score: number;
  source: { title: string; address: string };
  note?: string;
}
