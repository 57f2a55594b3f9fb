import { dirname, join, resolve } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.js';

/** The embedded default model: a tiny LLaVA-HR trained for the samples. */
export const SAMPLE_MODEL = join(PACKAGE_ROOT, 'sample', 'models', 'llava-hr-tiny');

/** The embedded LLaVA-1.5 to compare it with. */
export const LLAVA_15_SAMPLE_MODEL = join(PACKAGE_ROOT, 'sample', 'models', 'llava-1.5-tiny');

/** Whether a model folder is one of the embedded ones. */
export function isSampleModel(folder: string): boolean {
  return dirname(resolve(folder)) === dirname(SAMPLE_MODEL);
}

/** The embedded sample editions of the benchmarks, in their native file formats, in a folder each. */
export const SAMPLE_BENCHMARKS = join(PACKAGE_ROOT, 'sample', 'benchmarks');

/** The embedded sample edition of a benchmark. */
export function sampleData(benchmark: string): string {
  return join(SAMPLE_BENCHMARKS, benchmark);
}
