import type { ImageSource } from '../benchmarks/benchmark.js';
import { ImageError, messageOf } from '../errors.js';
import { openParquetFolder } from './parquet-images.js';

/*
 * Reads the parquet images of a folder in a process of its own, which parquet-folder.ts starts and ends: hyparquet
 * believes lengths and counts inside a page, so that a few bytes can keep it busy for ever or fill its memory, and a full
 * memory ends the process.
 *
 * It is asked to open a folder once, then for images; every request is answered under its id. In between it says that it
 * is alive, which a reader that is caught in a page cannot.
 */

export type ParquetRequest = { id: number } & ({ kind: 'open'; folder: string } | { kind: 'read'; image: string });
export type ParquetResponse =
  | { kind: 'alive' }
  | { kind: 'opened'; id: number; found: boolean }
  | { kind: 'image'; id: number; bytes: Uint8Array }
  /** `code` is an ImageError's. */
  | { kind: 'failure'; id: number; message: string; code: ImageError['code'] | null };

const ALIVE_INTERVAL_MS = 1000;

let images: ImageSource | null = null;

process.on('message', async (request: ParquetRequest) => {
  try {
    respond(await answer(request));
  } catch (error) {
    const code = error instanceof ImageError ? error.code : null;
    respond({ kind: 'failure', id: request.id, message: messageOf(error), code });
  }
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {}); // Ctrl-C is for the process that started this one, which may want its batch's images
setInterval(() => respond({ kind: 'alive' }), ALIVE_INTERVAL_MS);

async function answer(request: ParquetRequest): Promise<ParquetResponse> {
  const { id } = request;
  if (request.kind === 'open') {
    images = await openParquetFolder(request.folder);
    return { kind: 'opened', id, found: images !== null };
  }
  return { kind: 'image', id, bytes: await images!.read(request.image) };
}

function respond(response: ParquetResponse): void {
  process.send?.(response);
}
