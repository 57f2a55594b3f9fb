import { isDeepStrictEqual } from 'node:util';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { startImageThreads } from '../model/images/image-threads.js';
import { startInference } from '../model/inference/inference.js';
import { type Model, modelConvMode } from '../model/model-folder.js';
import { answerText } from '../model/prompt.js';
import { loadTokenizer } from '../model/tokenizer/load-tokenizer.js';
import { type Interval, resampledScores, resampleSums } from '../results/statistics/bootstrap.js';
import { evaluateFormula } from '../results/statistics/formula.js';
import { differenceInterval } from '../results/statistics/score-interval.js';
import { UserError, usageError } from '../shared/errors.js';
import { groupByImage } from './plan-batches.js';
import { prepareBatch } from './prepare-batch.js';
import { questionsOf } from './score-answers.js';

/** Images whose visual tokens are compared: those of one image take 16 MB in LLaVA-HR-7B, for each of the two models. */
const IMAGES_COMPARED = 8;

/** How much a model differs from its reference on a benchmark's questions. */
export interface Verification {
  model: ModelLabel;
  against: ModelLabel;
  benchmark: string;
  questions: number;
  /** Questions that could not be run, for example because of a missing image; excluded from all other figures. */
  notAsked: number;
  /** Answers with identical text. */
  sameAnswers: number;
  /** Answers with the same first token. */
  sameFirstTokens: number;
  /** Difference between the largest logits of the first token, even if different tokens have them. */
  logitError: ErrorSize;
  /** Element-wise difference of the visual tokens of the first images. */
  visualError: ErrorSize & { images: number };
  /** Null if the benchmark is not scored locally. */
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
  /** RMS of the difference divided by the RMS of the reference; 0 if there is nothing to compare. */
  relative: number;
}

interface ModelOutput {
  /** By question index; null if the question could not be run. */
  texts: (string | null)[];
  firstTokens: Map<number, number | undefined>;
  firstLogits: Map<number, number>;
  /** Visual tokens of the first images. */
  visual: Float32Array[];
}

/**
 * Runs both models on every question of a benchmark, one after the other on the CPU, and compares their outputs.
 * @param onModel called before each model is loaded
 * @throws UserError if the models differ in architecture or resolution, or no question can be run
 */
export async function verifyModel(
  model: Model,
  against: Model,
  benchmark: LoadedBenchmark,
  threads: number,
  onModel: (label: ModelLabel) => void,
): Promise<Verification> {
  checkComparable(model, against);
  const answer = (of: Model): Promise<ModelOutput> => {
    onModel(labelOf(of));
    return answerAll(of, benchmark, threads);
  };
  const second = await answer(against);
  const first = await answer(model);
  const compared = [...second.firstLogits.keys()].filter((index) => first.firstLogits.has(index));
  if (compared.length === 0)
    throw new UserError(
      `No question of ${benchmark.name} could be run. Check that the images are in the benchmark's folder.`,
    );
  const count = (same: (index: number) => boolean): number => compared.filter(same).length;
  const logitsOf = ({ firstLogits }: ModelOutput): number[] => compared.map((index) => firstLogits.get(index)!);
  return {
    model: labelOf(model),
    against: labelOf(against),
    benchmark: benchmark.name,
    questions: compared.length,
    notAsked: benchmark.questions.length - compared.length,
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
      `Cannot compare models with inputs of ${model.vision.resolution} and ${against.vision.resolution} px. ` +
        'Choose one size with --resolution.',
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

async function answerAll(model: Model, benchmark: LoadedBenchmark, threads: number): Promise<ModelOutput> {
  const tokenizer = await loadTokenizer(model.folder);
  const inference = await startInference(model, { provider: 'cpu', index: 0 }, threads);
  const imageThreads = startImageThreads(1);
  const convMode = modelConvMode(model);
  const { images, systemPrompt } = benchmark;
  const sources = { model, tokenizer, convMode, images, systemPrompt, imageThreads };
  const output: ModelOutput = {
    texts: benchmark.questions.map(() => null),
    firstTokens: new Map(),
    firstLogits: new Map(),
    visual: [],
  };
  try {
    for (const group of groupByImage(benchmark.questions)) {
      const { rows, ready, pixels } = await prepareBatch(sources, [group]);
      if (rows.length === 0) continue;
      const keepVisual = pixels.length > 0 && output.visual.length < IMAGES_COMPARED;
      const { maxNewTokens } = benchmark;
      const result = await inference.run({ pixels, rows, maxNewTokens, timePrefill: false, keepVisual });
      if (keepVisual) output.visual.push(result.visual);
      ready[0]!.forEach(({ question: { index } }, i) => {
        const ids = result.tokens[0]![i]!;
        if (!result.finite[0]![i]!) return; // counts as a question that could not be asked
        output.texts[index] = answerText(tokenizer, ids, convMode);
        output.firstTokens.set(index, ids[0]);
        output.firstLogits.set(index, result.firstLogits[0]![i]!);
      });
    }
  } finally {
    await imageThreads.close();
    await inference.close();
  }
  return output;
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

/** Main scores of both models and the 95 % interval of their difference, by resampling images. */
function scoreDifference(
  benchmark: LoadedBenchmark,
  model: readonly (string | null)[],
  against: readonly (string | null)[],
): Verification['score'] {
  const [ours, theirs] = [benchmark.score(model), benchmark.score(against)];
  if (ours === null || theirs === null) return null;
  const name = theirs.headline!; // null for a part of a benchmark only
  const questions = [ours, theirs].map((score) => questionsOf(benchmark.questions, score));
  const resamples = questions.map(({ columns, formulas, images }) => {
    const formula = formulas[name];
    const sums = formula && resampleSums(columns, images);
    return sums ? resampledScores(sums, (row) => evaluateFormula(formula, row)) : null;
  });
  const [first, second] = resamples as [Float64Array | null, Float64Array | null];
  const points = theirs.points?.includes(name) ?? false;
  const scores = { model: ours.scores[name]!, against: theirs.scores[name]! };
  const drawn = first && second && first.map((score, i) => score - second[i]!);
  const of = { images: questions[0]!.images.count, unit: points ? 'points' : 'percent' } as const;
  return { name, points, ...scores, interval: drawn && differenceInterval(scores.model - scores.against, drawn, of) };
}
