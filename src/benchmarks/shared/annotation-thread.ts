import { parseTogether } from './read-record-list.js';
import { annotationCheck, annotationOf } from './vqa-annotations.js';

/* Runs in the thread that `readVqaAnnotations` starts. */

/** Annotations to parse. */
export interface AnnotationTask {
  /** The records, with a comma between two. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Where each record ends. */
  ends: Int32Array;
}

/**
 * Annotations as numbers, which pass between threads many times faster than objects. Of each annotation: question id,
 * answer type, question type, number of answers, the answers, and 0, or 1 and their details. All but the first and the
 * counts are places in a list of texts, which the thread sends bit by bit.
 */
export interface AnnotationNumbers {
  numbers: Float64Array;
  /** Texts that came up since the last reply. */
  fresh: string[];
}

const places = new Map<string, number>();
const fresh: string[] = [];

/** @returns null when a record is not valid */
export default function parseAnnotations({ bytes, ends }: AnnotationTask): AnnotationNumbers | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const records = parseTogether(Array.from(ends, (end, i) => buffer.subarray(i === 0 ? 0 : ends[i - 1]! + 1, end)));
  if (records === null) return null;
  const numbers: number[] = [];
  for (const record of records) {
    if (!annotationCheck.fits(record)) return null;
    const { human, answerType, questionType } = annotationOf(record, (text) => text);
    numbers.push(record.question_id, placeOf(answerType), placeOf(questionType ?? ''), human.texts.length);
    for (const text of human.texts) numbers.push(placeOf(text));
    numbers.push(human.details === null ? 0 : 1);
    for (const text of human.details ?? []) numbers.push(placeOf(text));
  }
  return { numbers: Float64Array.from(numbers), fresh: fresh.splice(0) };
}

function placeOf(text: string): number {
  const known = places.get(text);
  if (known !== undefined) return known;
  fresh.push(text);
  places.set(text, places.size);
  return places.size - 1;
}
