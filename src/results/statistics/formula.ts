import { COUNT, mapOf, objectOf } from '../../shared/json-schema.js';

/**
 * A score as a function of sums over questions, written as data, so that it can be computed again for any resample and
 * without the benchmark that it belongs to. Terms are added: a mean in percent is one term of one ratio,
 * F1 = 2 tp / (2 tp + fp + fn) too, a sum of points has a term for each rate that points are given for.
 */
export interface Formula {
  terms: readonly Term[];
  /** Value of 0 / 0: `zero` as in official scripts that guard against it, or `nothing`, which gives no score (NaN). */
  zeroByZero: 'zero' | 'nothing';
}

/** The product of the factor and all ratios. */
export interface Term {
  factor: number;
  ratios: readonly Ratio[];
}

/** numerator / denominator */
export interface Ratio {
  numerator: WeightedSum;
  denominator: WeightedSum;
}

/** Weighted sum of column sums. */
export type WeightedSum = readonly (readonly [column: number, weight: number])[];

/** Contribution of each question to a sum: a number per question, or one number if it is the same for all. */
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

/** Mean score in percent: column 0 has the scores, column 1 counts questions. */
export const MEAN_PERCENT: Formula = percentOf([[0, 1]], [[1, 1]], 'nothing');

/** Computes the score from the column sums; NaN if undefined. */
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

/** Distinct columns that a formula uses. */
export function columnsOf({ terms }: Formula): number[] {
  const sums = terms.flatMap(({ ratios }) => ratios.flatMap(({ numerator, denominator }) => [numerator, denominator]));
  return [...new Set(sums.flatMap((sum) => sum.map(([column]) => column)))];
}

/** Replaces the column numbers of a formula. */
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

/**
 * A score as a function of sums over questions, so that it can be recomputed for any resample.
 * A mean has width 2: the question's score and 1.
 */
export interface Statistic {
  width: number;
  /** [questions, width], row-major */
  counts: Float64Array;
  /** Computes the score, in its unit, from the column sums. */
  formula: Formula;
}
