import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { nameAmong } from '../shared/known-names.js';
import { PACKAGE_ROOT } from '../shared/package-root.js';

/** The embedded default model: a tiny LLaVA-HR trained on the embedded samples. */
export const SAMPLE_MODEL = join(PACKAGE_ROOT, 'sample', 'models', 'llava-hr-tiny');

/** The embedded LLaVA-1.5 to compare it with. */
export const LLAVA_15_SAMPLE_MODEL = join(PACKAGE_ROOT, 'sample', 'models', 'llava-1.5-tiny');

/** Names of the embedded models. */
export const SAMPLE_MODEL_NAMES: readonly string[] = [SAMPLE_MODEL, LLAVA_15_SAMPLE_MODEL].map((path) =>
  basename(path),
);

/** The folder of an embedded model by name; null for other names, or if a folder of that name exists. */
export function sampleModel(name: string): string | null {
  const known = existsSync(name) ? null : nameAmong(name, SAMPLE_MODEL_NAMES);
  return known && join(dirname(SAMPLE_MODEL), known);
}

/** Whether a folder or name refers to an embedded model. */
export function isSampleModel(model: string): boolean {
  return sampleModel(model) !== null || dirname(resolve(model)) === dirname(SAMPLE_MODEL);
}

/** Embedded samples of all benchmarks in their native file formats, one folder each. */
export const SAMPLE_BENCHMARKS = join(PACKAGE_ROOT, 'sample', 'benchmarks');

/** Folder with the embedded sample of a benchmark. */
export function sampleData(benchmark: string): string {
  return join(SAMPLE_BENCHMARKS, benchmark);
}

/** The example that `llavahr task init` copies; its images are those of the TextVQA sample. */
export const SAMPLE_TASK = join(PACKAGE_ROOT, 'sample', 'task');
