import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * sha256 of a file in hex. The file is streamed, since checkpoints and annotations may be larger than memory.
 * @param onBytes called with the bytes read since the last call
 * @throws the file system's error if the file cannot be read
 */
export async function sha256OfFile(path: string, onBytes: (bytes: number) => void = () => {}): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    onBytes(chunk.byteLength);
  }
  return hash.digest('hex');
}
