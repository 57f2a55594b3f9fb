import { SingleBar } from 'cli-progress';

/** Progress of work measured in bytes, drawn on a TTY and silent elsewhere. */
export interface ByteProgress {
  update(progress: { stage: string; doneBytes: number; totalBytes: number }): void;
  stop(): void;
}

/** Starts a bar that appears with the first update; each stage has its own. */
export function startByteProgress(stream: NodeJS.WriteStream): ByteProgress {
  let bar: SingleBar | undefined;
  let current: string | undefined;
  const stop = (): void => bar?.stop();
  return {
    update({ stage, doneBytes, totalBytes }) {
      if (!stream.isTTY) return;
      if (stage !== current) {
        stop();
        current = stage;
        bar = new SingleBar({
          stream,
          hideCursor: true,
          format: `${stage} {bar} {done} of {total} MB, {eta_formatted} left`,
        });
        bar.start(totalBytes, 0, { done: '0', total: megabytes(totalBytes) });
      }
      bar?.update(doneBytes, { done: megabytes(doneBytes), total: megabytes(totalBytes) });
    },
    stop,
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
