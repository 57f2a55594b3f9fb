import type { Answers, BenchmarkDefinition, LoadedBenchmark } from '../benchmarks/benchmark.js';
import { type AskedOptions, loadAsked } from '../benchmarks/question-selection.js';
import { BENCHMARKS, findBenchmark } from '../benchmarks/registry.js';
import { downloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { sampleData } from '../evaluation/sample.js';
import { scoreAnswers as score } from '../evaluation/score-answers.js';
import type { Metrics } from '../results/runs/metrics.js';
import { UserError } from '../shared/errors.js';

/** A benchmark that can be loaded, with its official splits; the first split is the default. */
export type BenchmarkInfo = Pick<BenchmarkDefinition, 'name' | 'title' | 'metric' | 'splits'>;

/** Every benchmark: the paper's in the order of its tables, then later ones. */
export const benchmarks: readonly BenchmarkInfo[] = BENCHMARKS.map(({ name, title, metric, splits }) => ({
  ...{ name, title, metric, splits },
}));

/** The questions of a split, its images, and how answers are scored. `images` must be closed after use. */
export interface Benchmark extends LoadedBenchmark {
  /** Folder that its files were read from. */
  folder: string;
  /** Path of the task file that describes it, if it is not one of `benchmarks`. */
  taskFile?: string;
}

/** `questions` and `metric` are for `custom`, in place of which programs take a task file. */
export interface LoadBenchmarkOptions extends Partial<Omit<AskedOptions, 'rows' | 'questions' | 'metric'>> {
  /**
   * Folder with the benchmark's official files, as `downloadBenchmark` returns it (default: the embedded sample, and for a task file
   * its own folder).
   */
  data?: string;
}

/**
 * Loads a benchmark from its official files.
 * @param name one of `benchmarks`, or the path of a task file, ending in .json
 * @throws UserError when there is no such benchmark or split, the task file is invalid, or files are missing or damaged
 */
export async function loadBenchmark(name: string, options: LoadBenchmarkOptions = {}): Promise<Benchmark> {
  const { data, protocol = 'llava', ...others } = options;
  const definition = findBenchmark(name);
  const { taskFile } = definition;
  const folder = data ?? taskFile?.folder ?? sampleData(definition.name);
  const loaded = await loadAsked(definition, folder, { ...others, protocol });
  return { ...loaded, folder, ...(taskFile && { taskFile: taskFile.path }) };
}

/**
 * Downloads a split of a benchmark, or what is missing of it.
 * @returns the folder for `loadBenchmark`
 * @throws UserError when it cannot be downloaded; a later call continues
 */
export async function downloadBenchmark(
  name: string,
  { split, signal = new AbortController().signal }: { split?: string; signal?: AbortSignal } = {},
): Promise<string> {
  const definition = findBenchmark(name);
  const downloads = downloadsOnDemand(false);
  try {
    return await (await downloads.open()).benchmark(definition, split, signal);
  } finally {
    await downloads.close();
  }
}

/**
 * Scores answers as the official script does, with 95 % intervals bootstrapped over images.
 * @param answers one for each of the benchmark's questions, in their order; null where there is none, which counts as wrong
 * @throws UserError when their number differs, or the split is scored by a server or a judge
 */
export function scoreAnswers(benchmark: LoadedBenchmark, answers: Answers): Metrics {
  const { name, split, questions } = benchmark;
  if (answers.length !== questions.length) {
    throw new UserError(`${name} ${split} has ${questions.length} questions, but there are ${answers.length} answers.`);
  }
  const { metrics, score: scored } = score(benchmark, answers);
  if (scored === null) throw new UserError(`${name} ${split} is scored by an evaluation server or a judge, not here.`);
  return metrics;
}
