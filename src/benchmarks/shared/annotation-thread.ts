import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type AnnotationNumbers, annotationParser, END, ENDS } from './annotation-parser.js';

/* Runs in the threads that `readVqaAnnotations` starts, and sends `AnnotationNumbers` back, or null. */

/** A part of an annotation file. */
export interface AnnotationTask {
  path: string;
  /** Position of a record. */
  start: number;
  /** Position of the record behind the last one; null at the end of the list. */
  end: number | null;
}

const CHUNK = 4 * 1024 * 1024;

const parsed = parse(workerData as AnnotationTask);
parentPort!.postMessage(parsed, parsed ? [parsed.numbers.buffer as ArrayBuffer] : []);

/** @returns null when the part is not as VQA writes it: the reader of any JSON then finds out whether it is in order */
function parse({ path, start, end }: AnnotationTask): AnnotationNumbers | null {
  const file = openSync(path, 'r');
  try {
    return parsePart(file, start, end ?? Number.POSITIVE_INFINITY);
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}

function parsePart(file: number, start: number, end: number): AnnotationNumbers | null {
  const parser = annotationParser();
  const bytes = Buffer.alloc(2 * CHUNK + ENDS);
  let length = 0;
  let position = start;
  for (;;) {
    const read = length > CHUNK ? 0 : readSync(file, bytes, length, Math.min(CHUNK, end - position), position);
    if (read === 0) return position === end && length === 0 ? parser.result() : null;
    position += read;
    length += read;
    bytes.fill(END, length, length + ENDS);
    const rest = parser.push(bytes, length);
    if (rest === null) return end === Number.POSITIVE_INFINITY ? parser.result() : null;
    bytes.copyWithin(0, rest, length);
    length -= rest;
  }
}
