import { boundedBuffer, notParquet, type ParquetFile, readParquetDirectory } from '../datasets/parquet-file.js';
import { RangeUnsupported, type Requests } from '../fetch/http.js';
import type { HubFile } from '../fetch/hub-repository.js';
import { UserError } from '../shared/errors.js';

/** A parquet file on a server, of which columns of row groups are fetched. */
export interface RemoteParquet extends ParquetFile {
  etag: string | null;
  readonly traffic: { requests: number; transferredBytes: number };
}

/**
 * Reads the directory of a parquet file over HTTP ranges.
 * @throws RangeUnsupported when the server sends only whole files
 * @throws UserError when it is no parquet file
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
      throw new Error(`its server sent less than the bytes ${start} to ${end}`);
    return part.bytes.buffer as ArrayBuffer;
  };
  try {
    const file = await readParquetDirectory(url, boundedBuffer(bytes, read), async () => {});
    return { ...file, etag, traffic };
  } catch (error) {
    throw error instanceof UserError || error instanceof RangeUnsupported ? error : notParquet(url, error);
  }
}
