import { type ChildProcess, fork } from 'node:child_process';
import type { ImageSource } from '../benchmarks/benchmark.js';
import { ImageError, UserError } from '../errors.js';
import { parquetFilesOf } from './parquet-images.js';
import type { ParquetRequest, ParquetResponse } from './parquet-process.js';

/** Far above the decoding of a page; reading from a slow disk does not count. */
const STALL_MS = 60_000;
/** A row group of 256 MB is kept as bytes, which do not lie on the heap. */
const HEAP_MEGABYTES = 1024;

/**
 * Opens the images of the parquet files in a folder or in its `data/`, as `openParquetFolder` of parquet-images.ts does,
 * in a process of its own: a file that keeps its reader busy for ever, or fills its memory, is refused. null without
 * such files.
 * @param stallMs how long a page may take
 * @throws UserError naming the file that is broken, or the folder when its reader hung or ended
 */
export async function openParquetFolder(folder: string, stallMs = STALL_MS): Promise<ImageSource | null> {
  if ((await parquetFilesOf(folder)).length === 0) return null;
  const reader = startReader(folder, stallMs);
  const opened = await reader.ask({ kind: 'open', folder }).catch((error) => {
    reader.close();
    throw error;
  });
  if (opened.kind !== 'opened' || !opened.found) {
    reader.close();
    return null;
  }
  return {
    async read(image) {
      const response = await reader.ask({ kind: 'read', image });
      if (response.kind !== 'image') throw new Error(`the parquet reader answered "${response.kind}" for an image`);
      return response.bytes;
    },
    async close() {
      reader.close();
    },
  };
}

interface Reader {
  /** @throws UserError, ImageError */
  ask(request: DistributedOmit<ParquetRequest, 'id'>): Promise<ParquetResponse>;
  close(): void;
}

type DistributedOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function startReader(folder: string, stallMs: number): Reader {
  const child = fork(new URL('./parquet-process.js', import.meta.url), {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const pending = new Map<number, { resolve: (response: ParquetResponse) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  let ended: UserError | null = null;
  let watch: NodeJS.Timeout | undefined;

  const kill = (): void => {
    child.kill('SIGKILL');
  };
  const end = (how: string): void => {
    process.off('exit', kill);
    clearTimeout(watch);
    ended ??= new UserError(
      `A parquet file in ${folder} is damaged: reading it ${how}. Delete its parquet files and download them again.`,
    );
    for (const { reject } of pending.values()) reject(ended);
    pending.clear();
  };
  /** The process is waited for while it has something to do, and watched. */
  const settle = (): void => {
    clearTimeout(watch);
    if (pending.size === 0) {
      child.channel?.unref();
      return;
    }
    child.channel?.ref();
    watch = setTimeout(() => {
      end(`does not end (${stallMs / 1000} s without a sign of life)`);
      kill();
    }, stallMs);
  };

  child.unref();
  process.on('exit', kill);
  child.on('error', (error) => end(`fails (${error.message})`));
  child.on('exit', (code, signal) => end(`ends the process that reads it (${signal ?? `code ${code}`})`));
  child.on('message', (response: ParquetResponse) => {
    if (response.kind !== 'alive') {
      const { id } = response;
      if (response.kind === 'failure') pending.get(id)?.reject(errorOf(response));
      else pending.get(id)?.resolve(response);
      pending.delete(id);
    }
    settle();
  });
  settle();
  return {
    ask(request) {
      return new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        const id = nextId++;
        pending.set(id, { resolve, reject });
        if (pending.size === 1) settle();
        send(child, { ...request, id });
      });
    },
    close() {
      end('was given up');
      kill();
    },
  };
}

/** A process that has ended meanwhile is told of by its `exit`. */
function send(child: ChildProcess, request: ParquetRequest): void {
  if (child.connected) child.send(request, () => {});
}

function errorOf({ message, code }: { message: string; code: ImageError['code'] | null }): Error {
  return code === null ? new UserError(message) : new ImageError(code, message);
}
