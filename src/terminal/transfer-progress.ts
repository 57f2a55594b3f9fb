import { MultiBar, type SingleBar } from 'cli-progress';
import { megabytes } from '../shared/byte-size.js';
import { printMessagesBy } from '../shared/log.js';
import { visibleText } from '../shared/visible-text.js';

/** Progress of downloads: a bar per file and one for the total on a terminal, lines elsewhere. */
export interface TransferProgress {
  /** @param total in `unit`; null if not known yet */
  begin(name: string, total: number | null, unit?: Unit): Transfer;
  /** Prints a line without disturbing the bars. */
  log(line: string): void;
  /** Must be called, since a timer keeps the process alive. */
  stop(): void;
}

/** A file being transferred. */
export interface Transfer {
  update(done: number, total?: number | null): void;
  end(): void;
}

type Unit = 'MB' | 'files';

const PLAIN_INTERVAL_MS = 30_000; // keeps log files readable
const TOTAL = 'total';

/** @param now clock in milliseconds */
export function startTransferProgress(
  stream: NodeJS.WritableStream & { isTTY?: boolean },
  now: () => number = () => performance.now(),
): TransferProgress {
  return stream.isTTY ? drawBars(stream) : printLines(stream, now);
}

function drawBars(stream: NodeJS.WritableStream): TransferProgress {
  const bars = new MultiBar({ stream, barsize: 24, hideCursor: true, format: '[{bar}] {text}' });
  const sum = { done: 0, total: 0 };
  let ofAll: SingleBar | null = null;
  const show = (bar: SingleBar, name: string, done: number, total: number | null, unit: Unit): void => {
    bar.setTotal(Math.max(1, total ?? done));
    bar.update(done, { text: `${name} ${amount(done, total, unit)}` });
  };
  const log = (line: string): void => {
    if (!bars.isActive) stream.write(`${visibleText(line)}\n`);
    else {
      bars.log(`${visibleText(line)}\n`);
      bars.update(); // otherwise stop() would drop it
    }
  };
  const printAsBefore = printMessagesBy(log);
  return {
    begin(name, knownTotal, unit = 'MB') {
      if (unit === 'MB' && ofAll === null) ofAll = bars.create(1, 0, { text: TOTAL });
      const bar = bars.create(1, 0, { text: name });
      const last = { done: 0, total: 0 };
      const update = (done: number, total: number | null = knownTotal): void => {
        show(bar, name, done, total, unit);
        if (unit !== 'MB') return;
        sum.done += done - last.done;
        sum.total += (total ?? done) - last.total;
        Object.assign(last, { done, total: total ?? done });
        show(ofAll!, TOTAL, sum.done, sum.total, unit);
      };
      update(0);
      return { update, end: () => void bars.remove(bar) };
    },
    log,
    stop() {
      printAsBefore();
      if (bars.isActive) bars.stop();
    },
  };
}

function printLines(stream: NodeJS.WritableStream, now: () => number): TransferProgress {
  return {
    begin(name, knownTotal, unit = 'MB') {
      let lastLine = now();
      return {
        update(done, total = knownTotal) {
          if (now() - lastLine < PLAIN_INTERVAL_MS) return;
          lastLine = now();
          stream.write(`  ${name}: ${amount(done, total, unit)}\n`);
        },
        end() {},
      };
    },
    log: (line) => void stream.write(`${visibleText(line)}\n`),
    stop() {},
  };
}

/** "1.5 of 20.0 MB" */
function amount(done: number, total: number | null, unit: Unit): string {
  const text = (value: number) => (unit === 'MB' ? megabytes(value) : String(value));
  return total === null ? `${text(done)} ${unit}` : `${text(done)} of ${text(total)} ${unit}`;
}
