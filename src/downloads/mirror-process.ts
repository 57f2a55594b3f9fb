import { openParquetFile } from '../datasets/parquet-file.js';
import { openRequests } from '../fetch/http.js';
import type { HubFile } from '../fetch/hub-repository.js';
import { answerParent, tellParent } from '../shared/watched-process.js';
import { type WantedImages, writeMirrorImages } from './mirror-images.js';
import { openRemoteParquet } from './remote-parquet.js';

/*
 * Reads the parquet files of a mirror in a process of its own, which fetch-mirror.ts starts and ends, for the same reason
 * as datasets/parquet-process.ts. It fetches and writes by itself, so that no image goes from process to process.
 */

export interface MirrorRequest {
  /** A path when it was fetched whole. */
  file: HubFile | string;
  wanted: WantedImages;
}

export interface MirrorAnswer {
  /** Names of the images that were written. */
  images: string[];
  etag: string | null;
  traffic: { requests: number; transferredBytes: number };
}

/** Bytes of the image column of the file that is read. */
export interface MirrorProgress {
  doneBytes: number;
  totalBytes: number;
}

const requests = openRequests();

answerParent<MirrorRequest, MirrorAnswer>(async ({ file: source, wanted }) => {
  const file =
    typeof source === 'string'
      ? { ...(await openParquetFile(source)), etag: null, traffic: { requests: 0, transferredBytes: 0 } }
      : await openRemoteParquet(requests, source);
  try {
    const images = await writeMirrorImages(file, wanted, (doneBytes, totalBytes) =>
      tellParent<MirrorProgress>({ doneBytes, totalBytes }),
    );
    return { images, etag: file.etag, traffic: file.traffic };
  } finally {
    await file.close();
  }
});
