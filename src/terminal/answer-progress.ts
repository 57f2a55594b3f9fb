import { MultiBar } from 'cli-progress';
import { printMessagesBy } from '../shared/log.js';
import { visibleText } from '../shared/visible-text.js';

const PLAIN_INTERVAL_MS = 30_000; // keeps log files readable

export interface ProgressOptions {
  total: number;
  /** Questions answered in earlier sessions. */
  done: number;
  /** Usually stderr; a bar is drawn only on a terminal. */
  stream: NodeJS.WritableStream & { isTTY?: boolean };
  /** What is counted (default: questions). */
  unit?: string;
  /** Clock in milliseconds. */
  now?: () => number;
}

/** A score of the answers so far: the one that will be reported, or a part of it until it can be computed. */
export interface PartialScore {
  /** As in the report, such as "accuracy". */
  name: string;
  value: number;
  unit: 'percent' | 'points';
}

/** Progress of a run. */
export interface ProgressState {
  /** Answered questions, including earlier sessions. */
  answered: number;
  /** Questions that failed in this session. */
  failed: number;
  /** Score of the answered questions, computed when it is read; null if there is none yet. */
  readonly score: PartialScore | null;
}

/** A progress display. It must be stopped, since its timer keeps the process alive. */
export interface Progress {
  update(state: ProgressState): void;
  /** Prints a line without disturbing the bar. */
  log(line: string): void;
  stop(): void;
}

/** Shows progress as a bar on a terminal, elsewhere as lines: at the start, at the end, and at most every 30 s. */
export function startProgress(options: ProgressOptions): Progress {
  const clock = options.now ?? (() => performance.now());
  const start = clock();
  const describe = (state: ProgressState) => progressLine(options, state, (clock() - start) / 1000);
  return options.stream.isTTY ? drawBar(options, describe) : printLines(options, describe, clock);
}

/**
 * Example: 1200/5000, 3.1 questions/s, 20:26 left, accuracy 67.1 %, 2 failed
 * Rate and time left are based on this session only: earlier ones may have used another machine or batch size.
 */
export function progressLine(
  { total, done, unit = 'questions' }: Pick<ProgressOptions, 'total' | 'done' | 'unit'>,
  { answered, failed, score }: ProgressState,
  seconds: number,
): string {
  const rate = seconds > 0 ? (answered + failed - done) / seconds : 0;
  const left = total - answered - failed;
  return [
    `${answered}/${total}`,
    ...(rate > 0 ? [`${rate.toFixed(rate < 10 ? 2 : 0)} ${unit}/s`] : []),
    ...(rate > 0 && left > 0 ? [`${clockTime(left / rate)} left`] : []),
    ...(score === null ? [] : [`${score.name} ${score.value.toFixed(1)}${score.unit === 'percent' ? ' %' : ''}`]),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(', ');
}

function drawBar({ total, done, stream }: ProgressOptions, describe: (state: ProgressState) => string): Progress {
  const bars = new MultiBar({ stream, barsize: 24, format: '[{bar}] {text}', forceRedraw: true });
  const bar = bars.create(total, done, { text: describe({ answered: done, failed: 0, score: null }) });
  const log = (line: string): void => {
    bars.log(`${visibleText(line)}\n`);
    bars.update(); // otherwise stop() would drop it
  };
  const printAsBefore = printMessagesBy(log);
  return {
    update(state) {
      bar.update(state.answered + state.failed, { text: describe(state) });
    },
    log,
    stop() {
      printAsBefore();
      bars.stop();
    },
  };
}

function printLines(
  { done, stream }: ProgressOptions,
  describe: (state: ProgressState) => string,
  clock: () => number,
): Progress {
  let state: ProgressState = { answered: done, failed: 0, score: null };
  let lastLine = clock();
  const print = (): void => {
    stream.write(`${describe(state)}\n`);
    lastLine = clock();
  };
  print();
  return {
    update(next) {
      state = next;
      if (clock() - lastLine >= PLAIN_INTERVAL_MS) print();
    },
    log(line) {
      stream.write(`${visibleText(line)}\n`);
    },
    stop: print,
  };
}

/** 75 -> 1:15; 3675 -> 1:01:15 */
function clockTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
