import { enlarged } from './enlarged.js';
import { textNumbers } from './text-numbers.js';

/**
 * Annotations as numbers, which take less memory than objects and pass between threads faster. Of each annotation: question
 * id, answer type, question type, number of answers, and the answers. All but ids and counts are places in `texts`.
 */
export interface AnnotationNumbers {
  numbers: Float64Array;
  texts: string[];
}

/** Numbers of an annotation before its answers. */
export const BEFORE_ANSWERS = 4;

/** Stands behind the bytes of a part. JSON allows it nowhere, so every loop below ends there. */
export const END = 0;

/** Ends to leave behind a part: one could follow a backslash. */
export const ENDS = 2;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const ZERO = 0x30;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** 1 for bytes that stand for themselves in a string. */
const IS_PLAIN = new Uint8Array(256).fill(1).fill(0, 0, 0x20);
for (const byte of [QUOTE, BACKSLASH]) IS_PLAIN[byte] = 0;

const IS_SPACE = new Uint8Array(256);
for (const byte of [0x20, 0x09, 0x0a, 0x0d]) IS_SPACE[byte] = 1;

/** Integers of more digits may not be exact. */
const MAX_DIGITS = 15;

const MISSING = -1;

const UNEXPECTED = new Error('not a list of annotations as VQA writes them');

/**
 * Parses a list of annotations that arrives in parts. `JSON.parse` takes 1.2 to 1.5 times as long, and makes an object of
 * each of two million answers, which another thread would have to copy. This takes records of texts, non-negative integers
 * and the list of answers, which have ascending ids, as in every file of VQA; anything else makes it give up.
 */
export function annotationParser() {
  const table = textNumbers();
  const [questionId, questionType, answerType, answerList, answerText, answerId] = [
    'question_id',
    'question_type',
    'answer_type',
    'answers',
    'answer',
    'answer_id',
  ].map((name) => {
    const bytes = Buffer.from(JSON.stringify(name));
    return table.of(bytes, 1, bytes.length - 1, hashOf(bytes, 1, bytes.length - 1));
  });

  let numbers = new Float64Array(1 << 16);
  let count = 0;
  let bytes: Uint8Array = new Uint8Array(0);
  let at = 0;

  const put = (number: number): void => {
    if (count === numbers.length) numbers = enlarged(numbers, count + 1);
    numbers[count++] = number;
  };

  const skip = (byte: number): void => {
    if (bytes[at] !== byte) throw UNEXPECTED;
    at++;
  };

  const skipSpaces = (): void => {
    while (IS_SPACE[bytes[at]!] === 1) at++;
  };

  /** Whether another element follows, of a list or object that ends with this byte. */
  const hasNext = (close: number): boolean => {
    skipSpaces();
    if (bytes[at] !== COMMA) {
      skip(close);
      return false;
    }
    at++;
    skipSpaces();
    return true;
  };

  const text = (mayEscape = true): number => {
    skip(QUOTE);
    const source = bytes; // local, since the loop sees most bytes of the file
    const isPlain = IS_PLAIN;
    const start = at;
    let end = start;
    let hash = 0;
    for (;;) {
      let byte = source[end]!;
      while (isPlain[byte] === 1) {
        hash = mixed(hash, byte);
        byte = source[++end]!;
      }
      if (byte === QUOTE) break;
      at = end;
      if (byte !== BACKSLASH || !mayEscape) throw UNEXPECTED;
      end += 2;
    }
    at = end + 1;
    return table.of(source, start, end, hash);
  };

  const key = (): number => {
    const name = text(false); // escaped, it would have another number
    skipSpaces();
    skip(COLON);
    skipSpaces();
    return name;
  };

  const integer = (): number => {
    const start = at;
    let value = 0;
    for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO)
      value = 10 * value + digit;
    const digits = at - start;
    if (digits === 0 || digits > MAX_DIGITS || (digits > 1 && bytes[start] === ZERO)) throw UNEXPECTED;
    return value;
  };

  const other = (): void => {
    if (bytes[at] === QUOTE) text();
    else integer();
  };

  /** @returns its id */
  const answer = (): number => {
    let given = MISSING;
    let id = MISSING;
    skip(OPEN_OBJECT);
    skipSpaces();
    do {
      const name = key();
      if (name === answerText) given = text();
      else if (name === answerId) id = integer();
      else other();
    } while (hasNext(CLOSE_OBJECT));
    if (given === MISSING) throw UNEXPECTED;
    put(given);
    return id;
  };

  /** @param length place of their number */
  const answers = (length: number): void => {
    const start = count;
    let lastId = MISSING;
    skip(OPEN_LIST);
    skipSpaces();
    do {
      const id = answer();
      if (id <= lastId) throw UNEXPECTED; // without unique ids, scripts compare the other fields too
      lastId = id;
    } while (hasNext(CLOSE_LIST));
    numbers[length] = count - start;
  };

  const annotation = (): void => {
    const start = count;
    for (let i = 0; i < BEFORE_ANSWERS; i++) put(MISSING);
    skip(OPEN_OBJECT);
    skipSpaces();
    do {
      const name = key();
      if (name === questionId) numbers[start] = integer();
      else if (name === answerType) numbers[start + 1] = text();
      else if (name === questionType) numbers[start + 2] = text();
      else if (name !== answerList) other();
      else if (numbers[start + 3] === MISSING) answers(start + 3);
      else throw UNEXPECTED;
    } while (hasNext(CLOSE_OBJECT));
    if (numbers.subarray(start, start + BEFORE_ANSWERS).includes(MISSING)) throw UNEXPECTED;
  };

  return {
    /**
     * Parses the records of a part that are complete.
     * @param part begins with a record or spaces
     * @param length without the `ENDS` bytes of `END` behind it
     * @returns where the record starts with which the next part must begin; null at the end of the list
     * @throws UNEXPECTED, or what `TextNumbers.of` throws
     */
    push(part: Uint8Array, length: number): number | null {
      bytes = part;
      at = 0;
      let whole = { end: 0, count };
      try {
        for (;;) {
          skipSpaces();
          annotation();
          if (!hasNext(CLOSE_LIST)) return null;
          whole = { end: at, count };
        }
      } catch (error) {
        if (error !== UNEXPECTED || at < length) throw error;
        count = whole.count;
        return whole.end;
      }
    },
    result: (): AnnotationNumbers => ({ numbers: numbers.slice(0, count), texts: table.texts }),
  };
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = mixed(hash, bytes[at]!);
  return hash;
}

/** One step of the hash FNV-1a. */
function mixed(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}
