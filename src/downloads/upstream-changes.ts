import type { Requests } from '../fetch/http.js';
import { type HubAddress, hubHeaders } from '../fetch/hub-address.js';
import { messageOf } from '../shared/errors.js';
import { forEachParallel } from '../shared/parallel.js';
import { type DownloadRecord, type RecordedSource, recordFile } from './download-record.js';

/** How to handle changes upstream: do not check, report them, or download the new version. */
export type Upstream = 'ignore' | 'tell' | 'take';

/** A source that has changed since it was downloaded. */
export interface UpstreamChange {
  url: string;
  /** Human-readable difference. */
  difference: string;
}

const REQUESTS_AT_ONCE = 4;

/**
 * Checks whether the sources of a folder's downloads have changed, with a one-byte request each.
 * @param onUnreachable called for unreachable sources, which count as unchanged
 */
export async function upstreamChanges(
  folder: string,
  requests: Requests,
  hub: HubAddress,
  onUnreachable: (message: string) => void,
): Promise<UpstreamChange[]> {
  const changes: UpstreamChange[] = [];
  const sources = sourcesOf((await recordFile.read(folder)) ?? { schemaVersion: 1, files: {} });
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

/** Files and archives by URL; for a member of an archive, the archive. */
function sourcesOf({ files, parts = {} }: DownloadRecord): [string, RecordedSource][] {
  const whole = Object.values(files)
    .filter(({ url }) => /^https?:/.test(url) && !url.includes('#'))
    .map((file): [string, RecordedSource] => [file.url, file]);
  return [...new Map([...whole, ...Object.entries(parts)])];
}

/** Compares sizes and ETags, if both are known. */
function differenceOf(before: RecordedSource, now: { etag: string | null; bytes: number | null }): string | null {
  const since = `since ${before.downloadedAt.slice(0, 10)}`;
  if (now.bytes !== null && now.bytes !== before.bytes) return `${now.bytes} bytes, ${before.bytes} ${since}`;
  if (before.etag === null || now.etag === null || before.etag === now.etag) return null;
  return `ETag ${now.etag}, ${before.etag} ${since}`;
}
