import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { ImageSource } from '../../datasets/image-source.js';
import { openImageZip } from '../../datasets/image-source.js';
import { noImages } from '../../datasets/no-images.js';
import type { Table } from '../../datasets/tables/table.js';
import { ImageError, UserError } from '../../shared/errors.js';
import { insideFolder } from '../../shared/inside-folder.js';
import { say } from '../../shared/log.js';
import type { BenchmarkDefinition, LoadedBenchmark, LoadOptions, SplitInfo } from '../benchmark.js';
import type { MetricName } from '../metrics/metric-names.js';
import { openFolderOrZip } from '../shared/open-images.js';
import { chosenSplit } from '../shared/splits.js';
import { mostFrequent } from '../shared/vqa-accuracy.js';
import type { TaskFile, TaskSplit } from './task-file.js';
import { readTaskRows, type TaskRow, type TaskRows } from './task-rows.js';
import { categoryName, scoreName, scoreTask } from './task-score.js';

/** Limit of LLaVA-HR model_vqa_loader.py. */
const MAX_NEW_TOKENS = 128;

/** Scores and intervals of more categories would be of no use to anyone. */
const MAX_CATEGORIES = 500;
/** Numbers that intervals of main categories take. */
const MAX_CATEGORY_CELLS = 50_000_000;

/** Titles of metrics in lists. */
const METRIC_TITLES: Readonly<Record<MetricName, string>> = {
  vqa: 'VQA accuracy',
  exact: 'exact match',
  'exact-words': 'exact match',
  choice: 'option letter',
  'choice-vlmevalkit': 'option letter',
  'yes-no': 'yes or no',
  relaxed: 'relaxed accuracy',
  anls: 'ANLS',
  substring: 'contains the answer',
  f1: 'word F1',
  mmmu: "MMMU's parser",
};

/** Options of every benchmark that is a task file. */
const TASK_OPTIONS = { data: 'optional', split: 'optional' } as const;

/** @param origin names the task in messages: its path */
export function taskBenchmark(task: TaskFile, origin: string): BenchmarkDefinition {
  const splits = Object.entries(task.splits).map(
    ([name, { questions, images, scored, note }]): SplitInfo => ({
      name,
      questions: questions ?? null,
      images: images ?? null,
      scored: scored ?? 'here',
      ...(note === undefined ? {} : { note }),
    }),
  );
  const { published = [], name } = task;
  const definition: BenchmarkDefinition = {
    name: task.name,
    title: task.title ?? task.name,
    metric: metricTitle(task),
    splits,
    options: TASK_OPTIONS,
    published: published.map(({ note, ...score }) => ({
      ...score,
      benchmark: name,
      protocol: null,
      note: note ?? null,
    })),
    async load(folder, options) {
      const split = chosenSplit(definition, options.split);
      return loadTask({ task, split, folder, origin, protocol: { task: taskHash(task) } }, options);
    },
    ...(task.image && 'file' in task.image
      ? {
          openImages: (folder: string, split: string) =>
            openTaskImages(task, task.splits[chosenSplit(definition, split)]!, folder, origin),
        }
      : {}),
  };
  return definition;
}

function metricTitle({ metric, circular, score }: TaskFile): string {
  const title = METRIC_TITLES[typeof metric === 'string' ? metric : metric.name];
  if (circular) return `circular, ${title}`;
  return score === 'sum' ? `points, ${title}` : title;
}

/** Hash over everything in a task that changes prompts or scores. */
export function taskHash(task: TaskFile): string {
  const { title: _, source: __, licence: ___, notes: ____, published: _____, splits, ...rest } = task;
  const tables = Object.fromEntries(
    Object.entries(splits).map(([name, { files, list, where, imagesIn, scored }]) => [
      name,
      { files, list, where, imagesIn, scored },
    ]),
  );
  const text = JSON.stringify({ ...rest, tables }, (key, value: unknown) => {
    if (key.startsWith('//') || key === '$schema') return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** A split of a task to load. */
export interface TaskToLoad {
  task: TaskFile;
  split: string;
  /** Data folder. */
  folder: string;
  /** Names the task in messages. */
  origin: string;
  /** What identifies prompts and scores, beside `limit`. */
  protocol: LoadedBenchmark['protocol'];
  /** Opens the images of `image.file` (default: `image.in` in the data folder). */
  openImages?: () => Promise<ImageSource>;
}

/** @throws UserError when tables or images are missing or do not fit the task */
export async function loadTask(
  { task, split, folder, origin, protocol, openImages }: TaskToLoad,
  { limit, images }: Pick<LoadOptions, 'limit' | 'images'>,
): Promise<LoadedBenchmark> {
  const taskSplit = task.splits[split]!;
  const read = await readTaskRows(task, taskSplit, folder, { origin, limit });
  const { rows, files } = read;
  const open = openImages ?? (() => openTaskImages(task, taskSplit, folder, origin));
  try {
    checkCategories(task, read);
    if (images !== false) warnNoImages(task, read);
    return {
      name: task.name,
      split,
      questions: rows.map(({ id, image, text }, index) => ({ index, questionId: id, image, text })),
      images: images === false ? await scoredOnly(folder, read) : closing(await imagesOf(read, task, open), read),
      maxNewTokens: task.maxNewTokens ?? MAX_NEW_TOKENS,
      ...(task.systemPrompt === undefined ? {} : { systemPrompt: task.systemPrompt }),
      files,
      protocol: { ...protocol, limit: limit ?? null },
      gold: (index) => (rows[index]!.answers.length === 0 ? null : mostFrequent(rows[index]!.answers)),
      ...(rows.some(({ answers }) => answers.length > 1)
        ? { humanAnswers: (index: number) => rows[index]!.answers }
        : {}),
      ...(task.fields.category === undefined
        ? {}
        : { category: (index: number) => rows[index]!.categories[0] ?? 'none' }),
      isScoredInGroups: task.circular !== undefined,
      scoreOne: (index, answer) => {
        const { grade } = rows[index]!;
        return grade === null ? null : (grade(answer) ?? 0);
      },
      score: (answers, part) => scoreTask(task, read, answers, part),
      submission: () => [],
    };
  } catch (error) {
    await read.close();
    throw error;
  }
}

function checkCategories(task: TaskFile, { rows, files }: TaskRows): void {
  const { score, mainCategories } = task;
  checkCategoryNames(task, rows);
  const columns = rows[0]!.categories.map((_, place) => new Set(rows.map(({ categories }) => categories[place])));
  const most = columns.reduce((size, values) => Math.max(size, values.size), 0);
  const hasIntervals = score === 'macro-mean' || mainCategories === true;
  if (most <= MAX_CATEGORIES && !(hasIntervals && most * rows.length > MAX_CATEGORY_CELLS)) return;
  throw new UserError(
    `${files.join(', ')} has ${most} categories in ${rows.length} questions. fields.category is to name a column with few values.`,
  );
}

/** A field of images with another name than the task's would otherwise go unnoticed. */
function warnNoImages({ image }: TaskFile, { rows, files }: TaskRows): void {
  if (image === undefined || rows.some((row) => row.image !== null)) return;
  const named = 'column' in image ? JSON.stringify(image.column) : `what ${JSON.stringify(image.file)} names`;
  say('warn', `${files.join(', ')}: ${named} is empty in every row, so all questions are asked without an image.`);
}

/** @throws UserError when two categories would have one name in the scores, which have no slashes */
function checkCategoryNames(task: TaskFile, rows: readonly TaskRow[]): void {
  const names = new Set(rows.flatMap(({ categories }) => categories.flatMap((one) => categoryName(task, one) ?? [])));
  const places = new Map<string, string>();
  for (const name of names) {
    const other = places.get(scoreName(name));
    if (other === undefined) places.set(scoreName(name), name);
    else {
      const both = [other, name].map((one) => JSON.stringify(one)).join(' and ');
      throw new UserError(`The categories ${both} would have the same name in scores. Name one in categoryNames.`);
    }
  }
}

async function imagesOf(
  { rows, embedded }: TaskRows,
  { image }: TaskFile,
  open: () => Promise<ImageSource>,
): Promise<ImageSource> {
  if (image && 'column' in image) return embeddedImages(embedded);
  return rows.some((row) => row.image !== null) ? open() : noImages('a task without images');
}

type EmbeddedImage = { table: Table; row: number };

/** Images in cells of the tables. */
function embeddedImages(places: TaskRows['embedded']): ImageSource {
  return {
    async read(image) {
      const [place, ...others] = places.get(image) ?? [];
      if (!place) throw new ImageError('missing', `${image} is no image of the task`);
      const bytes = await place.table.image(place.row);
      for (const { table, row } of others) {
        if (Buffer.compare(bytes, await table.image(row)) !== 0) throw notTheSame(place, { table, row }, image);
      }
      return bytes;
    },
    async stamp(image) {
      const [place] = places.get(image) ?? [];
      return place ? place.table.stamp(place.row) : null;
    },
    async close() {},
  };
}

function notTheSame(one: EmbeddedImage, other: EmbeddedImage, image: string): ImageError {
  const [first, second] = [one, other].map(({ table, row }) => table.where(row));
  const what = `${first} and ${second} have different images, but image.id says that both are ${JSON.stringify(image)}`;
  return new ImageError('unreadable', `${what}: name more columns there, or "content"`);
}

/** Closes the tables at once: their rows are in memory. */
async function scoredOnly(folder: string, { close }: TaskRows): Promise<ImageSource> {
  await close();
  return noImages(folder);
}

/** Closes the tables with the images. */
function closing(images: ImageSource, rows: TaskRows): ImageSource {
  return {
    ...images,
    async close() {
      await images.close();
      await rows.close();
    },
  };
}

/** @throws UserError when there is neither a folder nor an archive of that name in the data folder */
async function openTaskImages(
  { image, source }: TaskFile,
  { imagesIn }: TaskSplit,
  folder: string,
  origin: string,
): Promise<ImageSource> {
  const name = imagesIn ?? (image && 'in' in image ? image.in : '');
  const path = insideFolder(folder, name);
  if (path === null && name !== '.') {
    throw new UserError(`${origin}: the image folder ${JSON.stringify(name)} is not inside the data folder.`);
  }
  const place = path ?? folder;
  if (place.toLowerCase().endsWith('.zip') && existsSync(place)) return openImageZip(place);
  const images = await openFolderOrZip(dirname(place), basename(place));
  if (images) return images;
  throw new UserError(
    `${place} does not exist, nor does ${place}.zip. ${source ?? `${origin} says that the images are there.`}`,
  );
}
