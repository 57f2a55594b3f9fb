import { COUNT, mapOf, objectOf } from '../../shared/json-schema.js';

/**
 * A score as a function of sums over questions, written as data, so that it can be computed again for any resample and
 * without the benchmark that it belongs to. Terms are added: a mean in percent is one term of one ratio,
 * F1 = 2 tp / (2 tp + fp + fn) too, a sum of points has a term for each rate that points are given for.
 */
export interface Formula {
  terms: readonly Term[];
  /** What 0 / 0 is: 0, as in official scripts that guard against it, or nothing: then there is no score (NaN). */
  zeroByZero: 'zero' | 'nothing';
}

/** The factor times all of the ratios. */
export interface Term {
  factor: number;
  ratios: readonly Ratio[];
}

/** numerator / denominator */
export interface Ratio {
  numerator: WeightedSum;
  denominator: WeightedSum;
}

/** Sums of columns times their weights, added up. */
export type WeightedSum = readonly (readonly [column: number, weight: number])[];

/** What each question adds to a sum: a number per question, or one number where it is the same for all. */
export type Column = Float64Array | number;

const weightedSum = {
  type: 'array',
  items: { type: 'array', minItems: 2, maxItems: 2, items: [COUNT, { type: 'number' }] },
};

export const formulasSchema = mapOf(
  objectOf<Formula>({
    terms: {
      type: 'array',
      items: objectOf<Term>({
        factor: { type: 'number' },
        ratios: { type: 'array', items: objectOf<Ratio>({ numerator: weightedSum, denominator: weightedSum }) },
      }),
    },
    zeroByZero: { enum: ['zero', 'nothing'] },
  }),
);

/** One ratio in percent. */
export function percentOf(
  numerator: WeightedSum,
  denominator: WeightedSum,
  zeroByZero: Formula['zeroByZero'],
): Formula {
  return { terms: [{ factor: 100, ratios: [{ numerator, denominator }] }], zeroByZero };
}

/** The mean in percent of questions whose scores are in column 0 and whose number is in column 1. */
export const MEAN_PERCENT: Formula = percentOf([[0, 1]], [[1, 1]], 'nothing');

/** The score from the columns' sums; NaN when it is not defined. */
export function evaluateFormula({ terms, zeroByZero }: Formula, sums: ArrayLike<number>): number {
  let score = 0;
  for (const { factor, ratios } of terms) {
    let product = 1;
    for (const { numerator, denominator } of ratios) {
      const [part, whole] = [weigh(numerator, sums), weigh(denominator, sums)];
      product *= part === 0 && whole === 0 && zeroByZero === 'zero' ? 0 : part / whole;
    }
    score += factor * product;
  }
  return score;
}

/** The columns that a formula reads, each once. */
export function columnsOf({ terms }: Formula): number[] {
  const sums = terms.flatMap(({ ratios }) => ratios.flatMap(({ numerator, denominator }) => [numerator, denominator]));
  return [...new Set(sums.flatMap((sum) => sum.map(([column]) => column)))];
}

/** The same formula over other columns. */
export function renumberColumns({ terms, zeroByZero }: Formula, place: (column: number) => number): Formula {
  const renumber = (sum: WeightedSum): WeightedSum => sum.map(([column, weight]) => [place(column), weight]);
  return {
    terms: terms.map(({ factor, ratios }) => ({
      factor,
      ratios: ratios.map(({ numerator, denominator }) => ({
        numerator: renumber(numerator),
        denominator: renumber(denominator),
      })),
    })),
    zeroByZero,
  };
}

function weigh(sum: WeightedSum, sums: ArrayLike<number>): number {
  let total = 0;
  for (const [column, weight] of sum) total += weight * sums[column]!;
  return total;
}
