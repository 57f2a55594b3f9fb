import { existsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { openImageFolder, openImageZip } from '../datasets/image-source.js';
import { UserError, usageError } from '../shared/errors.js';
import type { BenchmarkDefinition, LoadedBenchmark } from './benchmark.js';
import { METRIC_NAMES, type MetricName } from './metrics/metric-names.js';
import { loadTask } from './tasks/task-benchmark.js';
import type { TaskFile } from './tasks/task-file.js';

/** Your own questions and images, as a task without a file; `folder` is the image folder or zip archive. */
export const custom: BenchmarkDefinition = {
  name: 'custom',
  title: 'Your own questions',
  metric: 'chosen with --metric',
  splits: [],
  options: { questions: 'required', images: 'optional', metric: 'required' },
  async load(folder, { questions, metric, limit, images }) {
    if (questions === undefined || metric === undefined) throw usageError('custom needs --questions and --metric.');
    if (!METRIC_NAMES.includes(metric as MetricName)) {
      throw usageError(`Unknown metric "${metric}". Available: ${METRIC_NAMES.join(', ')}.`);
    }
    const options = { questions, metric: metric as MetricName, limit };
    return loadCustom(images === false ? options : { ...options, images: folder });
  },
  openImages: openCustomImages,
};

/** Your own questions, in LLaVA's question format plus the right answers. */
export interface CustomOptions {
  /** JSON file with a list of records, JSON Lines, CSV, TSV or Parquet. */
  questions: string;
  /** Folder or zip archive with the images. Not needed for scoring existing answers. */
  images?: string;
  metric: MetricName;
  /** Default: 128. */
  maxNewTokens?: number;
  /** Only the first n questions. */
  limit?: number;
}

/** The task that `custom` is short for: what LLaVA's question files have, and nothing is added to prompts. */
function customTask(file: string, metric: MetricName, maxNewTokens: number | undefined): TaskFile {
  return {
    schemaVersion: 1,
    name: 'custom',
    source: 'It must have a question per row: JSON, JSON Lines, CSV, TSV or Parquet, by its ending.',
    splits: { all: { files: [file] } },
    fields: { id: 'question_id', question: 'text', answer: ['answer', 'answers'] },
    image: { file: '{image?}', in: '.' },
    prompt: '{question}',
    metric,
    ...(maxNewTokens === undefined ? {} : { maxNewTokens }),
  };
}

/**
 * Loads your own data as a benchmark.
 * @throws UserError when a file is missing, or when a row is invalid, naming it
 */
export async function loadCustom(options: CustomOptions): Promise<LoadedBenchmark> {
  const { questions, metric, limit, maxNewTokens, images } = options;
  return loadTask(
    {
      task: customTask(basename(questions), metric, maxNewTokens),
      split: 'all',
      folder: dirname(questions),
      origin: 'custom',
      protocol: { metric },
      openImages: () => openCustomImages(images ?? ''),
    },
    { limit, ...(images === undefined ? { images: false } : {}) },
  );
}

/** Opens images in a folder or zip archive. @throws UserError when it does not exist */
async function openCustomImages(path: string): Promise<ImageSource> {
  if (!existsSync(path)) throw new UserError(`The image folder or archive ${path} does not exist.`);
  if (statSync(path).isDirectory()) return openImageFolder(path);
  if (path.toLowerCase().endsWith('.zip')) return openImageZip(path);
  throw new UserError(`${path} is neither a folder of images nor a zip archive.`);
}
