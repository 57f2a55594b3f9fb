import { join } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.js';

/** The embedded default model: a tiny LLaVA-HR trained for the samples. */
export const SAMPLE_MODEL = join(PACKAGE_ROOT, 'sample', 'models', 'llava-hr-tiny');

/** The embedded sample edition of a benchmark, in its native file formats. */
export function sampleData(benchmark: string): string {
  return join(PACKAGE_ROOT, 'sample', 'benchmarks', benchmark);
}
