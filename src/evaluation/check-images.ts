import { createHash } from 'node:crypto';
import type { Question } from '../benchmarks/benchmark.js';
import type { ImageSource, ImageStamp } from '../datasets/image-source.js';
import type { ImageHash } from '../results/runs/image-hashes.js';
import { ImageError, messageOf, UserError } from '../shared/errors.js';
import { forEachParallel } from '../shared/parallel.js';
import { answerIdOf, type PredictionMaker } from './make-prediction.js';

/*
 * Images are part of a run: an answer holds for the bytes it was made from. When a run starts, the sizes and times of all
 * images are compared with those noted when they were read; only where these differ is an image read and hashed again.
 */

const STAMPS_AT_ONCE = 32;
const READS_AT_ONCE = 8;

/** The images of a benchmark's questions as the disk has them now. */
export interface ImageSurvey {
  /** By name; missing ones are absent. */
  stamps: ReadonlyMap<string, ImageStamp>;
  missing: readonly string[];
  /** Hash over the names and sizes of all images; null where sizes are not known without reading. */
  digest: string | null;
}

/**
 * Looks for every image of the questions, without reading any.
 * @throws UserError when there are questions about images and not one image is there
 */
export async function surveyImages(questions: readonly Question[], images: ImageSource): Promise<ImageSurvey> {
  const names = imageNames(questions);
  const stamps = new Map<string, ImageStamp>();
  await forEachParallel(names, STAMPS_AT_ONCE, async (name) => {
    const stamp = await images.stamp(name);
    if (stamp) stamps.set(name, stamp);
  });
  const missing = names.filter((name) => !stamps.has(name));
  if (names.length > 0 && missing.length === names.length) {
    const first = await images.read(missing[0]!).then(
      () => missing[0]!,
      (error) => messageOf(error),
    );
    throw new UserError(`None of the ${names.length} images is there. The first: ${first}. Check --data or --images.`);
  }
  return { stamps, missing, digest: digestOf(names, stamps) };
}

/** Each image once. */
function imageNames(questions: readonly Question[]): string[] {
  return [...new Set(questions.flatMap(({ image }) => (image === null ? [] : [image])))];
}

function digestOf(names: readonly string[], stamps: ReadonlyMap<string, ImageStamp>): string | null {
  const hash = createHash('sha256');
  for (const name of [...names].sort()) {
    const stamp = stamps.get(name);
    if (stamp?.bytes === null) return null;
    hash.update(`${JSON.stringify([name, stamp?.bytes ?? null])}\n`);
  }
  return hash.digest('hex');
}

/** What the images of a run are now. */
export interface ImageCheck {
  /** Filled from images.jsonl: what the images were when earlier sessions read them. */
  readonly noted: Map<string, ImageHash>;
  /**
   * sha256 of an image; it is read only if its stamp is not the one noted. null for a missing image.
   * @throws ImageError when it cannot be read
   */
  hash(image: string): Promise<string | null>;
  /** Notes an image that was read for its questions. @throws UserError when it changed since it was read before */
  note(image: string, sha256: string): void;
  /** What is not in images.jsonl yet, each line once. */
  takeUnsaved(): ImageHash[];
}

/**
 * Starts to keep track of a run's images. Reads none until `hash` is called, and then only those whose stamp is not the one in
 * `noted`, which is to be filled first.
 */
export function checkImages({ stamps }: ImageSurvey, images: ImageSource): ImageCheck {
  const noted = new Map<string, ImageHash>();
  const current = new Map<string, string>(); // read, or known to be the same, in this session
  let unsaved: ImageHash[] = [];
  const add = (image: string, sha256: string): void => {
    current.set(image, sha256);
    const stamp = stamps.get(image);
    if (stamp) unsaved.push({ image, sha256, ...stamp });
  };
  return {
    noted,
    async hash(image) {
      const known = current.get(image);
      if (known !== undefined) return known;
      const stamp = stamps.get(image);
      if (stamp === undefined) return null;
      const before = noted.get(image);
      if (before && before.bytes === stamp.bytes && before.mark === stamp.mark) {
        current.set(image, before.sha256);
        return before.sha256;
      }
      const sha256 = createHash('sha256')
        .update(await images.read(image))
        .digest('hex');
      add(image, sha256);
      return sha256;
    },
    note(image, sha256) {
      const known = current.get(image);
      if (known === sha256) return;
      if (known === undefined) return add(image, sha256);
      throw new UserError(`The image ${image} was changed while the run was reading it. Run the same command again.`);
    },
    takeUnsaved() {
      const lines = unsaved;
      unsaved = [];
      return lines;
    },
  };
}

/**
 * The rows whose answers were made from another image (or another prompt) than the one that is there now.
 * @param answerIds of the rows that have an answer
 * @throws UserError when an image that an answer was made from is missing
 */
export async function staleAnswers(
  maker: PredictionMaker,
  answerIds: ReadonlyMap<number, string>,
  check: ImageCheck,
): Promise<Set<number>> {
  const byImage = new Map<string | null, Question[]>();
  for (const question of maker.benchmark.questions) {
    if (!answerIds.has(question.index)) continue;
    const others = byImage.get(question.image);
    if (others) others.push(question);
    else byImage.set(question.image, [question]);
  }
  const stale = new Set<number>();
  const missing: string[] = [];
  await forEachParallel(byImage, READS_AT_ONCE, async ([image, questions]) => {
    const sha256 = image === null ? null : await currentHash(check, image);
    if (sha256 === null && image !== null) return void missing.push(image);
    for (const question of questions) {
      const isSame = sha256 !== UNREADABLE && answerIdOf(maker, question, sha256) === answerIds.get(question.index);
      if (!isSame) stale.add(question.index);
    }
  });
  if (missing.length === 0) return stale;
  throw new UserError(
    `${missing.length} of the images that answers of this run were made from are missing, such as ${missing.sort()[0]}. ` +
      'Put them back, or start over with --fresh.',
  );
}

const UNREADABLE = 'unreadable';

async function currentHash(check: ImageCheck, image: string): Promise<string | null> {
  try {
    return await check.hash(image);
  } catch (error) {
    if (error instanceof ImageError) return UNREADABLE; // asking the question again says why
    throw error;
  }
}

/**
 * Hash over the content of all images of the questions, for comparing runs; null when there are none, or when it is not
 * known of one of them because it could not be read.
 */
export function imagesHash(questions: readonly Question[], hashes: ReadonlyMap<string, ImageHash>): string | null {
  const names = imageNames(questions).sort();
  const hash = createHash('sha256');
  for (const name of names) {
    const line = hashes.get(name);
    if (line === undefined) return null;
    hash.update(`${JSON.stringify([name, line.sha256])}\n`);
  }
  return names.length > 0 ? hash.digest('hex') : null;
}
