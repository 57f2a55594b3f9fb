import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { jsonFile } from '../../shared/json-file.js';
import { nullable, objectOf, TEXT } from '../../shared/json-schema.js';
import { type ImageIndex, indexImages } from '../statistics/bootstrap.js';
import { type Column, columnsOf, type Formula, formulasSchema, renumberColumns } from '../statistics/formula.js';

/**
 * question-scores.json: what each question scored, which image it is about, and how the main scores follow from sums over
 * the questions, all in the benchmark's order. Enough for intervals and tests without the benchmark's files.
 */
export interface QuestionScoresFile {
  schemaVersion: 2;
  /** 0 to 1; null for a question without a score of its own. */
  scores: (number | null)[];
  /** Names of the images, each once. Questions about one image fail together: the unit of confidence intervals. */
  images: string[];
  /** Place of each question's image in `images`; null without an image. */
  imageOf: (number | null)[];
  /** What each question adds to a sum; a single number where it is the same for all questions. */
  columns: (number | number[])[];
  /** By the names of main scores in metrics.json; their columns are places in `columns`. */
  formulas: Record<string, Formula>;
}

/** The questions of a run as comparisons need them. */
export interface QuestionScores {
  scores: readonly (number | null)[];
  /** Per question; null without an image. */
  imageNames: readonly (string | null)[];
  images: ImageIndex;
  columns: readonly Column[];
  formulas: Readonly<Record<string, Formula>>;
}

/** A main score as a function of sums over the questions. */
export interface CountedScore {
  width: number;
  /** [questions, width], row-major */
  counts: Float64Array;
  formula: Formula;
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
  { indent: 0 }, // a line per number would be most of the file
);

/** The questions of a scored run. @param statistics by name of the main score */
export function questionScores(
  scores: readonly (number | null)[],
  imageNames: readonly (string | null)[],
  statistics: Readonly<Record<string, CountedScore>>,
): QuestionScores {
  return { scores, imageNames, images: indexImages(imageNames), ...shareColumns(statistics) };
}

export async function writeQuestionScores(folder: string, questions: QuestionScores): Promise<void> {
  const { scores, imageNames, columns, formulas } = questions;
  const places = new Map<string, number>();
  const imageOf = imageNames.map((name) => {
    if (name === null) return null;
    const place = places.get(name) ?? places.size;
    places.set(name, place);
    return place;
  });
  await questionScoresFile.write(folder, {
    schemaVersion: 2,
    scores: [...scores],
    images: [...places.keys()],
    imageOf,
    columns: columns.map((column) => (typeof column === 'number' ? column : [...column])),
    formulas,
  });
}

/** The questions of a run; null when the folder has none. @throws UserError when the file is damaged or outdated */
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

/** What a schema cannot tell: lists of one length, and places that exist. */
function checkReferences({ scores, images, imageOf, columns, formulas }: QuestionScoresFile, folder: string): void {
  const lists = [imageOf, ...columns.filter((column) => typeof column !== 'number')];
  const read = Object.values(formulas).flatMap(columnsOf);
  const problem = lists.some(({ length }) => length !== scores.length)
    ? 'its lists are not of equally many questions'
    : imageOf.some((place) => place !== null && place >= images.length)
      ? 'a question is about an image that is not listed'
      : read.some((column) => column >= columns.length)
        ? 'a formula reads a column that is not there'
        : null;
  if (problem === null) return;
  throw new UserError(
    `${join(folder, questionScoresFile.name)}: ${problem}. It was damaged: the command that made the run, given again, ` +
      'makes it anew.',
  );
}

/** Scores often share counts, and all count the questions: each column is kept once, and only if a formula reads it. */
function shareColumns(
  statistics: Readonly<Record<string, CountedScore>>,
): Pick<QuestionScores, 'columns' | 'formulas'> {
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
