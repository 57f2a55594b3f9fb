import { openParquetFile } from '../datasets/parquet-file.js';
import { openRequests } from '../fetch/http.js';
import type { HubFile } from '../fetch/hub-repository.js';
import { printMessagesBy } from '../shared/log.js';
import { answerParent, tellParent } from '../shared/watched-process.js';
import { type WantedImages, writeMirrorImages } from './mirror-images.js';
import { openRemoteParquet } from './remote-parquet.js';

/*
 * Reads the Parquet files of a mirror in a separate process, which fetch-mirror.ts starts and ends, for the same reason
 * as datasets/parquet-process.ts. It fetches and writes images itself, so that none are copied between processes.
 */

export interface MirrorRequest {
  /** A path if it was downloaded completely. */
  file: HubFile | string;
  wanted: WantedImages;
}

export interface MirrorAnswer {
  /** Names of the written images. */
  images: string[];
  etag: string | null;
  traffic: { requests: number; transferredBytes: number };
}

/** Bytes of the file's image column, or something to tell the user. */
export type MirrorNote = { doneBytes: number; totalBytes: number } | { message: string };

const requests = openRequests();
printMessagesBy((message) => tellParent<MirrorNote>({ message }));

answerParent<MirrorRequest, MirrorAnswer>(async ({ file: source, wanted }) => {
  const file =
    typeof source === 'string'
      ? { ...(await openParquetFile(source)), etag: null, traffic: { requests: 0, transferredBytes: 0 } }
      : await openRemoteParquet(requests, source);
  try {
    const images = await writeMirrorImages(file, wanted, (doneBytes, totalBytes) =>
      tellParent<MirrorNote>({ doneBytes, totalBytes }),
    );
    return { images, etag: file.etag, traffic: file.traffic };
  } finally {
    await file.close();
  }
});
