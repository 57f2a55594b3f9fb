import { comparableGroups } from '../reports/comparable-groups.js';
import { type PublishedOf, reportLayout } from '../reports/report-layout.js';
import type { RunResult } from '../runs/load-run.js';
import { figureRows } from './figures.js';
import { htmlPage } from './page.js';
import type { PageData } from './page-data.js';
import { runNames } from './run-names.js';
import { type IllustratedSet, isDisputed, RIGHT_FROM, type RunSamples, sampleSet } from './sample-sets.js';

/** The editions of an image: one in which small text can be read, and a thumbnail. */
export type ImageEdition = 'large' | 'small';

/**
 * Makes a WebP edition of an image of a run; null if the image is not available, "changed" if it is not the one that the run
 * was asked about.
 */
export type MakeImage = (run: RunResult, image: string, edition: ImageEdition) => Promise<Buffer | 'changed' | null>;

export interface HtmlReportOptions {
  /** Per-question data of each run. */
  samplesOf: ReadonlyMap<RunResult, RunSamples>;
  /** Maximum number of images; those that models disagree about come first. */
  images: number;
  /** Maximum size of the large editions together, in bytes; images beyond have a small one. */
  largeBytes: number;
  makeImage: MakeImage;
  publishedOf?: PublishedOf;
}

const AT_ONCE = 8; // images made concurrently

/** Renders runs as one HTML page with tables, plots and a browser for questions and answers. */
export async function htmlReport(
  runs: readonly RunResult[],
  { samplesOf, images: most, largeBytes, makeImage, publishedOf }: HtmlReportOptions,
): Promise<string> {
  const layout = reportLayout(runs, publishedOf);
  const names = runNames(layout);
  const groups = comparableGroups(runs).map(({ title, runs: own }) => ({
    title,
    runs: own.toSorted((a, b) => names.systemOf(a) - names.systemOf(b)), // so that a model has the same colour in all plots
  }));
  const sets = groups
    .map((group) => sampleSet(group, samplesOf, names.systemOf))
    .filter(({ set }) => set.samples.length > 0);
  const pictures = await illustrate(imagesByInterest(sets).slice(0, most), largeBytes, makeImage);
  const data = { systems: names.systems, rightFrom: RIGHT_FROM, sets: sets.map(({ set }) => set), ...pictures };
  return htmlPage(layout, figureRows(groups, samplesOf, names), data);
}

/** Assigns images to samples: large editions as long as there is room for them, then small ones. */
async function illustrate(
  wanted: readonly WantedImage[],
  largeBytes: number,
  makeImage: MakeImage,
): Promise<Pick<PageData, 'images' | 'largeImages'>> {
  const images: string[] = [];
  const add = ({ places }: WantedImage, made: Awaited<ReturnType<MakeImage>>): void => {
    for (const { set, place } of places) {
      set.samples[place]!.image = Buffer.isBuffer(made) ? images.length : made;
    }
    if (Buffer.isBuffer(made)) images.push(made.toString('base64'));
  };
  let room = largeBytes;
  let next = 0;
  while (next < wanted.length && room > 0) {
    const part = wanted.slice(next, next + AT_ONCE);
    const made = await Promise.all(part.map(({ run, image }) => makeImage(run, image, 'large')));
    for (const [i, edition] of made.entries()) {
      room -= Buffer.isBuffer(edition) ? edition.length : 0;
      if (room < 0) break;
      add(part[i]!, edition);
      next++;
    }
  }
  const largeImages = images.length;
  for (; next < wanted.length; next += AT_ONCE) {
    const part = wanted.slice(next, next + AT_ONCE);
    const made = await Promise.all(part.map(({ run, image }) => makeImage(run, image, 'small')));
    for (const [i, edition] of made.entries()) add(part[i]!, edition);
  }
  return { images, largeImages };
}

/** An image and the samples that use it. */
interface WantedImage {
  run: RunResult;
  image: string;
  places: { set: IllustratedSet['set']; place: number }[];
}

/**
 * Distinct images: those with a disputed question first, otherwise in order of their first question, and from every set in
 * turn.
 */
function imagesByInterest(sets: readonly IllustratedSet[]): WantedImage[] {
  const ofSets = sets.map(({ set, group, images }) => {
    const byImage = new Map<string, WantedImage>();
    images.forEach((image, place) => {
      if (image === null) return;
      const known = byImage.get(image) ?? { run: group.runs[0]!, image, places: [] };
      known.places.push({ set, place });
      byImage.set(image, known);
    });
    return [...byImage.values()];
  });
  const isWanted = ({ places }: WantedImage): boolean =>
    places.some(({ set, place }) => isDisputed(set.samples[place]!));
  const disputed = ofSets.map((images) => images.filter(isWanted));
  const others = ofSets.map((images) => images.filter((image) => !isWanted(image)));
  return [...inTurn(disputed), ...inTurn(others)];
}

/** The first of each list, then the second of each, and so on. */
function inTurn<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = lists.reduce((most, { length }) => Math.max(most, length), 0);
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}
