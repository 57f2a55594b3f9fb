import { isDeepStrictEqual } from 'node:util';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { startImageThreads } from '../model/images/image-threads.js';
import { startInference } from '../model/inference/inference.js';
import type { Model } from '../model/model-folder.js';
import { answerText } from '../model/prompt.js';
import { loadTokenizer } from '../model/tokenizer/load-tokenizer.js';
import { type Interval, percentileInterval, resampledScores, resampleSums } from '../results/statistics/bootstrap.js';
import { evaluateFormula } from '../results/statistics/formula.js';
import { UserError, usageError } from '../shared/errors.js';
import { groupByImage } from './plan-batches.js';
import { prepareBatch } from './prepare-batch.js';
import { questionsOf } from './score-answers.js';

/** Images whose visual tokens are compared: one of LLaVA-HR-7B's has 16 MB of them, and both models' are held. */
const IMAGES_COMPARED = 8;

/** How a model differs from the one it should equal, on a benchmark's questions. */
export interface Verification {
  model: ModelLabel;
  against: ModelLabel;
  benchmark: string;
  questions: number;
  /** Questions that could not be asked, such as those without their image; they count for nothing else here. */
  notAsked: number;
  /** Answers that are the same text. */
  sameAnswers: number;
  /** Answers whose first token is the same. */
  sameFirstTokens: number;
  /** Difference of the largest logit of the first token, whichever token has it. */
  logitError: ErrorSize;
  /** Difference of the visual tokens' elements, on the first images. */
  visualError: ErrorSize & { images: number };
  /** null where neither is scored here. */
  score: { name: string; points: boolean; model: number; against: number; interval: Interval | null } | null;
}

export interface ModelLabel {
  name: string;
  precision: string;
  resolution: number;
}

export interface ErrorSize {
  /** Largest absolute difference. */
  largest: number;
  /** Root mean square of the difference over that of the reference; 0 where there is nothing to compare. */
  relative: number;
}

interface Answered {
  /** By row index; null where a question could not be asked. */
  texts: (string | null)[];
  firstTokens: Map<number, number | undefined>;
  firstLogits: Map<number, number>;
  /** Of the first images. */
  visual: Float32Array[];
}

/**
 * Asks both models, one after the other on the CPU, every question of a benchmark and compares what they say.
 * @param onModel called before a model is loaded
 * @throws UserError when the models are not of the same architecture and resolution, or no question can be asked
 */
export async function verifyModel(
  model: Model,
  against: Model,
  benchmark: LoadedBenchmark,
  threads: number,
  onModel: (label: ModelLabel) => void,
): Promise<Verification> {
  checkComparable(model, against);
  const answer = (of: Model): Promise<Answered> => {
    onModel(labelOf(of));
    return answerAll(of, benchmark, threads);
  };
  const second = await answer(against);
  const first = await answer(model);
  const asked = [...second.firstLogits.keys()].filter((index) => first.firstLogits.has(index));
  if (asked.length === 0) throw new UserError(`None of ${benchmark.name}'s questions could be asked.`);
  const count = (same: (index: number) => boolean): number => asked.filter(same).length;
  const logitsOf = ({ firstLogits }: Answered): number[] => asked.map((index) => firstLogits.get(index)!);
  return {
    model: labelOf(model),
    against: labelOf(against),
    benchmark: benchmark.name,
    questions: asked.length,
    notAsked: benchmark.questions.length - asked.length,
    sameAnswers: count((index) => first.texts[index] === second.texts[index]),
    sameFirstTokens: count((index) => first.firstTokens.get(index) === second.firstTokens.get(index)),
    logitError: errorSize([logitsOf(first)], [logitsOf(second)]),
    visualError: { ...errorSize(first.visual, second.visual), images: second.visual.length },
    score: scoreDifference(benchmark, first.texts, second.texts),
  };
}

function labelOf({ manifest, vision }: Model): ModelLabel {
  return { name: manifest.name, precision: manifest.precision, resolution: vision.resolution };
}

/** @throws UserError (usage) */
function checkComparable(model: Model, against: Model): void {
  if (model.vision.resolution !== against.vision.resolution) {
    throw usageError(
      `The models cannot be compared: inputs of ${model.vision.resolution} and ${against.vision.resolution} pixels. ` +
        'Name one size with --resolution.',
    );
  }
  const [ours, theirs] = [model.manifest.architecture, against.manifest.architecture];
  const parts = Object.keys(ours) as (keyof typeof ours)[];
  const different = parts.filter((part) => !isDeepStrictEqual(ours[part], theirs[part]));
  if (different.length === 0) return;
  throw usageError(
    `${model.folder} and ${against.folder} are not exports of the same architecture: they differ in ${different.join(', ')}.`,
  );
}

async function answerAll(model: Model, benchmark: LoadedBenchmark, threads: number): Promise<Answered> {
  const tokenizer = await loadTokenizer(model.folder);
  const inference = await startInference(model, { provider: 'cpu', index: 0 }, threads);
  const imageThreads = startImageThreads(1);
  const sources = { model, tokenizer, images: benchmark.images, imageThreads };
  const made: Answered = {
    texts: benchmark.questions.map(() => null),
    firstTokens: new Map(),
    firstLogits: new Map(),
    visual: [],
  };
  try {
    for (const group of groupByImage(benchmark.questions)) {
      const { rows, ready, pixels } = await prepareBatch(sources, [group]);
      if (rows.length === 0) continue;
      const keepVisual = pixels.length > 0 && made.visual.length < IMAGES_COMPARED;
      const { maxNewTokens } = benchmark;
      const result = await inference.run({ pixels, rows, maxNewTokens, timePrefill: false, keepVisual });
      if (keepVisual) made.visual.push(result.visual);
      ready[0]!.forEach(({ question: { index } }, i) => {
        const ids = result.tokens[0]![i]!;
        made.texts[index] = answerText(tokenizer, ids);
        made.firstTokens.set(index, ids[0]);
        made.firstLogits.set(index, result.firstLogits[0]![i]!);
      });
    }
  } finally {
    await imageThreads.close();
    await inference.close();
  }
  return made;
}

function errorSize(values: readonly ArrayLike<number>[], reference: readonly ArrayLike<number>[]): ErrorSize {
  let [largest, squares, referenceSquares] = [0, 0, 0];
  reference.forEach((expected, part) => {
    for (let i = 0; i < expected.length; i++) {
      const difference = Math.abs(values[part]![i]! - expected[i]!);
      if (!(difference <= largest)) largest = difference;
      squares += difference ** 2;
      referenceSquares += expected[i]! ** 2;
    }
  });
  return { largest, relative: squares === 0 ? 0 : Math.sqrt(squares / referenceSquares) };
}

/** The headline of both, and the 95 % interval of the difference, with images as the units of resampling. */
function scoreDifference(
  benchmark: LoadedBenchmark,
  model: readonly (string | null)[],
  against: readonly (string | null)[],
): Verification['score'] {
  const [ours, theirs] = [benchmark.score(model), benchmark.score(against)];
  if (ours === null || theirs === null) return null;
  const name = theirs.headline!; // null for a part of a benchmark only
  const resamples = [ours, theirs].map((score) => {
    const { columns, formulas, images } = questionsOf(benchmark.questions, score);
    const formula = formulas[name];
    const sums = formula && resampleSums(columns, images);
    return sums ? resampledScores(sums, (row) => evaluateFormula(formula, row)) : null;
  });
  const [first, second] = resamples as [Float64Array | null, Float64Array | null];
  const interval = first && second && percentileInterval(first.map((score, i) => score - second[i]!));
  const points = theirs.points?.includes(name) ?? false;
  return { name, points, model: ours.scores[name]!, against: theirs.scores[name]!, interval };
}
