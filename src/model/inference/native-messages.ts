import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { logEvent } from '../../shared/log.js';

const KEPT_LINES = 3;
const MAX_LENGTH = 300; // characters of a line

/**
 * Reads what native code (ONNX Runtime, drivers, the C++ runtime) writes to the stderr of a process: each line becomes a log
 * event of level `debug`.
 * @returns the last lines, which explain a crash; empty when nothing was written
 */
export function readNativeMessages(stream: Readable): () => string {
  let last: string[] = [];
  let unfinished = '';
  const add = (line: string): void => {
    const text = stripVTControlCharacters(line).trim().slice(0, MAX_LENGTH);
    if (text === '') return;
    last = [...last.slice(1 - KEPT_LINES), text];
    logEvent('debug', 'native-message', { text });
  };
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = `${unfinished}${chunk}`.split('\n');
    unfinished = lines.pop()!.slice(-MAX_LENGTH);
    lines.forEach(add);
  });
  stream.on('end', () => add(unfinished));
  return () => last.join('; ');
}
