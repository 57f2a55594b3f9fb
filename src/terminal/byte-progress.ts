import { SingleBar } from 'cli-progress';
import { megabytes } from '../shared/byte-size.js';

/** Progress of an operation in bytes, shown on a terminal only. */
export interface ByteProgress {
  update(progress: { stage: string; doneBytes: number; totalBytes: number }): void;
  stop(): void;
}

/** Creates a progress display: a bar per stage, which appears with the stage's first update. */
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
