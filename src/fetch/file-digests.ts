import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Hex digests. */
export interface FileDigests {
  sha256: string;
  /** null when there is none to compare with. */
  md5: string | null;
}

interface Hashes {
  sha256: Hash;
  md5: Hash | null;
}

function newHashes(needsMd5: boolean): Hashes {
  return { sha256: createHash('sha256'), md5: needsMd5 ? createHash('md5') : null };
}

function updateHashes({ sha256, md5 }: Hashes, chunk: Uint8Array): void {
  sha256.update(chunk);
  md5?.update(chunk);
}

export function digestsOf({ sha256, md5 }: Hashes): FileDigests {
  return { sha256: sha256.digest('hex'), md5: md5?.digest('hex') ?? null };
}

/** Hashes a file in pieces. @throws the file system's error when it cannot be read */
export async function hashFile(path: string, needsMd5: boolean): Promise<Hashes> {
  const hashes = newHashes(needsMd5);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    updateHashes(hashes, chunk);
  }
  return hashes;
}
