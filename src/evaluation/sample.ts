import { dirname, join, resolve } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.js';

/** The embedded default model: a tiny LLaVA-HR trained for the samples. */
export const SAMPLE_MODEL = join(PACKAGE_ROOT, 'sample', 'models', 'llava-hr-tiny');

/** Whether a model folder is one of the embedded ones. */
export function isSampleModel(folder: string): boolean {
  return dirname(resolve(folder)) === dirname(SAMPLE_MODEL);
}

/** The embedded sample edition of a benchmark, in its native file formats. */
export function sampleData(benchmark: string): string {
  return join(PACKAGE_ROOT, 'sample', 'benchmarks', benchmark);
}
