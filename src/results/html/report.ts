import { comparableGroups } from '../reports/comparable-groups.js';
import { type PublishedOf, reportLayout } from '../reports/report-layout.js';
import type { RunResult } from '../runs/load-run.js';
import { figureRows } from './figures.js';
import { htmlPage } from './page.js';
import { runNames } from './run-names.js';
import { type IllustratedSet, isDisputed, RIGHT_FROM, type RunSamples, sampleSet } from './sample-sets.js';

/** Makes a WebP thumbnail of an image of a run; null if the image is not available. */
export type MakeThumbnail = (run: RunResult, image: string) => Promise<Buffer | null>;

export interface HtmlReportOptions {
  /** Per-question data of each run. */
  samplesOf: ReadonlyMap<RunResult, RunSamples>;
  /** Maximum number of images with a thumbnail; those that models disagree about come first. */
  thumbnails: number;
  makeThumbnail: MakeThumbnail;
  publishedOf?: PublishedOf;
}

const AT_ONCE = 8; // thumbnails made concurrently

/** Renders runs as one HTML page with tables, plots and a browser for questions and answers. */
export async function htmlReport(
  runs: readonly RunResult[],
  { samplesOf, thumbnails: most, makeThumbnail, publishedOf }: HtmlReportOptions,
): Promise<string> {
  const layout = reportLayout(runs, publishedOf);
  const names = runNames(layout);
  const groups = comparableGroups(runs).map(({ title, runs: own }) => ({
    title,
    runs: own.toSorted((a, b) => names.systemOf(a) - names.systemOf(b)), // so that a model has the same colour in all plots
  }));
  const sets = groups.map((group) => sampleSet(group, samplesOf, names.systemOf));
  const thumbnails = await illustrate(sets, most, makeThumbnail);
  const data = { systems: names.systems, rightFrom: RIGHT_FROM, sets: sets.map(({ set }) => set), thumbnails };
  return htmlPage(layout, figureRows(groups, samplesOf, names), data);
}

/** Assigns thumbnails to samples. @returns the thumbnails in base64 */
async function illustrate(
  sets: readonly IllustratedSet[],
  most: number,
  makeThumbnail: MakeThumbnail,
): Promise<string[]> {
  const wanted = imagesByInterest(sets).slice(0, most);
  const made: (Buffer | null)[] = [];
  for (let i = 0; i < wanted.length; i += AT_ONCE) {
    const part = wanted.slice(i, i + AT_ONCE);
    const some = await Promise.all(part.map(({ run, image }) => makeThumbnail(run, image)));
    for (const thumbnail of some) made.push(thumbnail);
  }
  const thumbnails: string[] = [];
  wanted.forEach(({ places }, i) => {
    const image = made[i];
    if (!image) return;
    for (const { set, place } of places) set.samples[place]!.thumbnail = thumbnails.length;
    thumbnails.push(image.toString('base64'));
  });
  return thumbnails;
}

/** An image and the samples that use it. */
interface WantedImage {
  run: RunResult;
  image: string;
  places: { set: IllustratedSet['set']; place: number }[];
}

/** Distinct images of each set: those with a disputed question first, otherwise in order of their first question. */
function imagesByInterest(sets: readonly IllustratedSet[]): WantedImage[] {
  const wanted = sets.flatMap(({ set, group, images }) => {
    const byImage = new Map<string, WantedImage>();
    images.forEach((image, place) => {
      if (image === null) return;
      const known = byImage.get(image) ?? { run: group.runs[0]!, image, places: [] };
      known.places.push({ set, place });
      byImage.set(image, known);
    });
    return [...byImage.values()];
  });
  const disputed = new Set(
    wanted.filter(({ places }) => places.some(({ set, place }) => isDisputed(set.samples[place]!))),
  );
  return [...disputed, ...wanted.filter((image) => !disputed.has(image))];
}
