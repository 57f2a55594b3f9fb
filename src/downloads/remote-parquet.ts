import { boundedBuffer, notParquet, type ParquetFile, readParquetFooter } from '../datasets/parquet-file.js';
import { RangeUnsupported, type Requests } from '../fetch/http.js';
import type { HubFile } from '../fetch/hub-repository.js';
import { UserError } from '../shared/errors.js';

/** A Parquet file on a server, whose columns and row groups can be fetched individually. */
export interface RemoteParquet extends ParquetFile {
  etag: string | null;
  readonly traffic: { requests: number; transferredBytes: number };
}

/**
 * Reads the footer of a Parquet file over HTTP ranges.
 * @throws RangeUnsupported when the server does not support range requests
 * @throws UserError when it is not a Parquet file
 */
export async function openRemoteParquet(requests: Requests, { url, headers, bytes }: HubFile): Promise<RemoteParquet> {
  const traffic = { requests: 0, transferredBytes: 0 };
  let etag: string | null = null;
  const read = async (start: number, end: number): Promise<ArrayBuffer> => {
    const ifRange = etag !== null && !etag.startsWith('W/') ? { ifRange: etag } : {};
    const part = await requests.readRange(url, { start, end: end - 1 }, { headers, ...ifRange });
    traffic.requests++;
    traffic.transferredBytes += part.bytes.byteLength;
    etag ??= part.etag;
    if (part.bytes.byteLength !== end - start)
      throw new Error(`its server sent fewer bytes than requested (${start} to ${end})`);
    return part.bytes.buffer as ArrayBuffer;
  };
  try {
    const file = await readParquetFooter(url, boundedBuffer(bytes, read), async () => {});
    return { ...file, etag, traffic };
  } catch (error) {
    throw error instanceof UserError || error instanceof RangeUnsupported ? error : notParquet(url, error);
  }
}
