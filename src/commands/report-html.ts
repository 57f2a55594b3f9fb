import { join } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { makeImageEdition } from '../evaluation/image-edition.js';
import { publishedBeside } from '../evaluation/published-beside.js';
import { openRunImages } from '../evaluation/run-images.js';
import { htmlReport } from '../results/html/report.js';
import type { RunSamples } from '../results/html/sample-sets.js';
import { runName } from '../results/reports/report-layout.js';
import { type ImageHash, readImageHashes } from '../results/runs/image-hashes.js';
import type { RunResult } from '../results/runs/load-run.js';
import { readPredictions } from '../results/runs/predictions.js';
import { readQuestionScores } from '../results/runs/question-scores.js';
import { referencesFile } from '../results/runs/references.js';
import { RUN_FILES } from '../results/runs/run-folder.js';
import { countOf } from '../shared/count-of.js';
import { messageOf, UserError } from '../shared/errors.js';
import { say } from '../shared/log.js';

/** About 200 photographs; with 800 small ones, 20 MB of a page, where they are in base64. */
const LARGE_BYTES = 10e6;

export interface HtmlOptions {
  /** Maximum number of images. */
  thumbnails: number;
  /** Folder with the benchmarks' files (default: where they were during the runs). */
  data?: string;
}

/** Renders runs as one HTML page, with those images that are found. Warnings go to stderr. */
export async function writeHtmlReport(runs: readonly RunResult[], options: HtmlOptions): Promise<string> {
  const samplesOf = new Map<RunResult, RunSamples>();
  for (const run of runs) samplesOf.set(run, await readSamples(run.folder)); // one at a time: the files may be large
  const opened = new Map<RunResult, Promise<RunImages | null>>();
  const imagesOf = (run: RunResult): Promise<RunImages | null> => {
    const images = opened.get(run) ?? openImages(run, options.data);
    opened.set(run, images);
    return images;
  };
  const missing = new Set<string>();
  const changed = new Set<string>();
  try {
    return await htmlReport(runs, {
      samplesOf,
      images: options.thumbnails,
      largeBytes: LARGE_BYTES,
      publishedOf: publishedBeside,
      async makeImage(run, image, edition) {
        const images = await imagesOf(run);
        if (!images) return null;
        const made = await makeImageEdition(images.source, image, edition, images.hashes.get(image)?.sha256);
        const key = JSON.stringify([run.folder, image]); // may be made twice, the second time smaller
        if (made === null) missing.add(key);
        if (made === 'changed') changed.add(key);
        return made;
      },
    });
  } finally {
    if (missing.size > 0)
      say('warn', `${countOf(missing.size, 'image')} could not be read and will have no thumbnail.`);
    if (changed.size > 0) {
      say(
        'warn',
        `${changed.size} of the images are not those that the run was asked about; their questions have no thumbnail.`,
      );
    }
    for (const images of opened.values()) await (await images)?.source.close();
  }
}

async function readSamples(folder: string): Promise<RunSamples> {
  return {
    predictions: await readPredictions(join(folder, RUN_FILES.predictions)),
    scores: await readQuestionScores(folder),
    references: await referencesFile.read(folder),
  };
}

interface RunImages {
  source: ImageSource;
  /** What the images were during the run, as far as it is known. */
  hashes: ReadonlyMap<string, ImageHash>;
}

/** Null, with a warning, if the images are missing: the report is still useful without them. */
async function openImages(run: RunResult, data: string | undefined): Promise<RunImages | null> {
  try {
    const hashes = await readImageHashes(join(run.folder, RUN_FILES.images));
    return { source: await openRunImages(run.record, data), hashes };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    say('warn', `${runName(run)}: no thumbnails: ${messageOf(error)}`);
    return null;
  }
}
