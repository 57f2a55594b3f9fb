import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { jsonFile, type Ownership } from '../../shared/json-file.js';
import { nullable, objectOf, TEXT } from '../../shared/json-schema.js';
import { type ImageIndex, indexImages } from '../statistics/bootstrap.js';
import {
  type Column,
  columnsOf,
  type Formula,
  formulasSchema,
  renumberColumns,
  type Statistic,
} from '../statistics/formula.js';

/**
 * question-scores.json: the score and image of each question, in the benchmark's order, and how main scores are computed
 * from sums over questions. Sufficient for intervals and significance tests without the benchmark's files.
 */
export interface QuestionScoresFile {
  schemaVersion: 2;
  /** 0 to 1; null for a question without an individual score. */
  scores: (number | null)[];
  /** Distinct image names. Questions about one image are correlated, so intervals resample images. */
  images: string[];
  /** Index into `images` for each question; null without an image. */
  imageOf: (number | null)[];
  /** Contribution of each question to a sum; a single number if it is the same for all questions. */
  columns: (number | number[])[];
  /** By name of the main score in metrics.json; columns are indices into `columns`. */
  formulas: Record<string, Formula>;
}

/** Per-question data of a run, as needed for comparisons. */
export interface QuestionScores {
  scores: readonly (number | null)[];
  /** Per question; null without an image. */
  imageNames: readonly (string | null)[];
  images: ImageIndex;
  columns: readonly Column[];
  formulas: Readonly<Record<string, Formula>>;
}

const NUMBER = { type: 'number' };

export const questionScoresFile = jsonFile<QuestionScoresFile>(
  'question-scores.json',
  objectOf<QuestionScoresFile>({
    schemaVersion: { const: 2 },
    scores: { type: 'array', items: nullable({ type: 'number', minimum: 0, maximum: 1 }) },
    images: { type: 'array', items: TEXT },
    imageOf: { type: 'array', items: nullable({ type: 'integer', minimum: 0 }) },
    columns: { type: 'array', items: { anyOf: [NUMBER, { type: 'array', items: NUMBER }] } },
    formulas: formulasSchema,
  }),
  { indent: 0 }, // indented, most of the file would be whitespace
);

/** Collects the per-question data of a scored run. @param statistics by name of the main score */
export function questionScores(
  scores: readonly (number | null)[],
  imageNames: readonly (string | null)[],
  statistics: Readonly<Record<string, Statistic>>,
): QuestionScores {
  return { scores, imageNames, images: indexImages(imageNames), ...shareColumns(statistics) };
}

/** Writes question-scores.json into a run folder, as a whole. @throws UserError when `owner` lost the folder */
export async function writeQuestionScores(folder: string, questions: QuestionScores, owner?: Ownership): Promise<void> {
  const { scores, imageNames, columns, formulas } = questions;
  const places = new Map<string, number>();
  const imageOf = imageNames.map((name) => {
    if (name === null) return null;
    const place = places.get(name) ?? places.size;
    places.set(name, place);
    return place;
  });
  await questionScoresFile.write(
    folder,
    {
      schemaVersion: 2,
      scores: [...scores],
      images: [...places.keys()],
      imageOf,
      columns: columns.map((column) => (typeof column === 'number' ? column : [...column])),
      formulas,
    },
    owner,
  );
}

/** Reads the per-question data of a run; null if the folder has none. @throws UserError if the file is damaged or outdated */
export async function readQuestionScores(folder: string): Promise<QuestionScores | null> {
  const file = await questionScoresFile.read(folder);
  if (file === null) return null;
  checkReferences(file, folder);
  const { scores, images, imageOf, columns, formulas } = file;
  const imageNames = imageOf.map((place) => (place === null ? null : images[place]!));
  return {
    scores,
    imageNames,
    images: indexImages(imageNames),
    columns: columns.map((column) => (typeof column === 'number' ? column : Float64Array.from(column))),
    formulas,
  };
}

/** Checks what the schema cannot: equal list lengths and valid indices. */
function checkReferences({ scores, images, imageOf, columns, formulas }: QuestionScoresFile, folder: string): void {
  const lists = [imageOf, ...columns.filter((column) => typeof column !== 'number')];
  const read = Object.values(formulas).flatMap(columnsOf);
  const problem = lists.some(({ length }) => length !== scores.length)
    ? 'its lists differ in length'
    : imageOf.some((place) => place !== null && place >= images.length)
      ? 'a question refers to an image that is not listed'
      : read.some((column) => column >= columns.length)
        ? 'a formula refers to a column that does not exist'
        : null;
  if (problem === null) return;
  throw new UserError(
    `${join(folder, questionScoresFile.name)} is damaged: ${problem}. Rerun the eval command of the run to recreate it.`,
  );
}

/** Stores each column once, and only if a formula uses it: scores often share counts, and all count the questions. */
function shareColumns(statistics: Readonly<Record<string, Statistic>>): Pick<QuestionScores, 'columns' | 'formulas'> {
  const columns: Column[] = [];
  const places = new Map<Float64Array | number, Map<number, number>>();
  const formulas = Object.entries(statistics).map(([name, { width, counts, formula }]) => {
    const own = places.get(counts) ?? new Map<number, number>();
    places.set(counts, own);
    for (const column of columnsOf(formula)) {
      if (own.has(column)) continue;
      const values = Float64Array.from({ length: counts.length / width }, (_, i) => counts[i * width + column]!);
      const constant = values.every((value) => value === values[0]) ? values[0] : undefined;
      const shared = constant === undefined ? -1 : columns.indexOf(constant);
      own.set(column, shared >= 0 ? shared : columns.push(constant ?? values) - 1);
    }
    return [name, renumberColumns(formula, (column) => own.get(column)!)] as const;
  });
  return { columns, formulas: Object.fromEntries(formulas) };
}
