import type { Requests } from '../fetch/http.js';
import { type HubAddress, hubHeaders } from '../fetch/hub-address.js';
import { messageOf } from '../shared/errors.js';
import { forEachParallel } from '../shared/parallel.js';
import { type DownloadLock, type LockedSource, lockFile } from './download-record.js';

/** What becomes of a change upstream: nobody asks, the user is told, or the new state is taken. */
export type Upstream = 'ignore' | 'tell' | 'take';

/** A source that is not any more what it was when it was downloaded. */
export interface UpstreamChange {
  url: string;
  /** What is different, for a person. */
  difference: string;
}

const REQUESTS_AT_ONCE = 4;

/**
 * Asks the sources of a folder's downloads whether they are still the same, with a request of one byte each.
 * @param onUnreachable called for sources that cannot be asked, which count as unchanged
 */
export async function upstreamChanges(
  folder: string,
  requests: Requests,
  hub: HubAddress,
  onUnreachable: (message: string) => void,
): Promise<UpstreamChange[]> {
  const changes: UpstreamChange[] = [];
  const sources = sourcesOf((await lockFile.read(folder)) ?? { schemaVersion: 1, files: {} });
  await forEachParallel(sources, REQUESTS_AT_ONCE, async ([url, before]) => {
    try {
      const options = { range: { start: 0, end: 0 }, headers: hubHeaders(hub, url) };
      const response = await requests.get(url, options);
      response.cancel();
      const difference = differenceOf(before, { etag: response.etag, bytes: response.totalBytes });
      if (difference !== null) changes.push({ url, difference });
    } catch (error) {
      onUnreachable(messageOf(error));
    }
  });
  return changes;
}

/** Files and archives by their URLs; of a member its archive is asked. */
function sourcesOf({ files, parts = {} }: DownloadLock): [string, LockedSource][] {
  const whole = Object.values(files)
    .filter(({ url }) => /^https?:/.test(url) && !url.includes('#'))
    .map((file): [string, LockedSource] => [file.url, file]);
  return [...new Map([...whole, ...Object.entries(parts)])];
}

/** An ETag tells best; without one on either side, the size. */
function differenceOf(before: LockedSource, now: { etag: string | null; bytes: number | null }): string | null {
  const since = `since ${before.downloadedAt.slice(0, 10)}`;
  if (now.bytes !== null && now.bytes !== before.bytes) return `${now.bytes} bytes, ${before.bytes} ${since}`;
  if (before.etag === null || now.etag === null || before.etag === now.etag) return null;
  return `ETag ${now.etag}, ${before.etag} ${since}`;
}
