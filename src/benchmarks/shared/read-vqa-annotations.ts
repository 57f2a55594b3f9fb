import { open, stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { UserError } from '../../shared/errors.js';
import { type AnnotationNumbers, BEFORE_ANSWERS } from './annotation-parser.js';
import type { AnnotationTask } from './annotation-thread.js';
import { listStart, readRecordList } from './read-record-list.js';
import {
  type AnnotationRecord,
  annotationCheck,
  annotationOf,
  type FileInfo,
  type VqaAnnotation,
} from './vqa-annotations.js';

/** Annotations by question id. */
export type VqaAnnotations = Pick<ReadonlyMap<number, VqaAnnotation>, 'get' | 'has'>;

/** Files from this size on are read in threads of their own, which take 0.1 s to start. */
const WORTH_A_THREAD = 16 * 1024 * 1024;

/** More would not help: meanwhile, this one reads questions and answers for as long as two take. */
const THREADS = 2;

/** Bytes in which the list, or the next record, begins. */
const SEARCHED = 1024 * 1024;

/**
 * Reads an annotation file. When several annotations have the same question id, the last one counts, as in the official
 * scripts.
 * @throws UserError like `readRecordList`
 */
export async function readVqaAnnotations(file: FileInfo): Promise<VqaAnnotations> {
  const isLarge = await stat(file.path).then(
    ({ size }) => size >= WORTH_A_THREAD,
    () => false,
  );
  return (isLarge ? await readAnnotationsInThreads(file) : null) ?? (await readHere(file));
}

async function readHere(file: FileInfo): Promise<VqaAnnotations> {
  const annotations = new Map<number, VqaAnnotation>();
  const texts = new Map<string, string>(); // most answers are one of a few thousand texts, of which one copy is kept
  const share = (text: string): string => {
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return known ?? text;
  };
  for await (const records of readRecordList<AnnotationRecord>({ ...file, check: annotationCheck }, 'annotations')) {
    for (const record of records) annotations.set(record.question_id, annotationOf(record, share));
  }
  return annotations;
}

/**
 * Leaves reading to threads, which takes most of the time, while this one reads other files.
 * @returns null when anything is unusual, with the file or the threads: `readHere` then finds out whether it is wrong
 */
export async function readAnnotationsInThreads({ path }: FileInfo): Promise<VqaAnnotations | null> {
  try {
    const tasks = await annotationTasks(path);
    const parts = await Promise.all(tasks.map(parseInThread));
    return parts.length > 0 && parts.every((part) => part !== null) ? unpacking(parts) : null;
  } catch {
    return null;
  }
}

/** null, too, when the thread ends without an answer. */
function parseInThread(task: AnnotationTask): Promise<AnnotationNumbers | null> {
  const thread = new Worker(new URL('./annotation-thread.js', import.meta.url), { workerData: task });
  return new Promise((resolve, reject) => {
    thread.on('message', resolve);
    thread.on('error', reject);
    thread.on('exit', () => resolve(null));
  });
}

/**
 * Divides a file where an object begins like the first record. If it is not a record but in one, the part before it does not
 * end there, and is not in order.
 */
async function annotationTasks(path: string): Promise<AnnotationTask[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const read = async (position: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(SEARCHED), position });
      return buffer.subarray(0, bytesRead);
    };
    const head = await read(0);
    const first = listStart(head, 'annotations');
    if (first === null) return [];
    const beginning = /^\s*(\{\s*"\w+")/.exec(head.toString('latin1', first))?.[1];
    if (beginning === undefined) return [];
    const starts = [first];
    for (let i = 1; i < THREADS; i++) {
      const near = Math.round((size * i) / THREADS);
      const place = (await read(near)).indexOf(beginning);
      if (place >= 0 && near + place > starts.at(-1)!) starts.push(near + place);
    }
    return starts.map((start, i) => ({ path, start, end: starts[i + 1] ?? null }));
  } finally {
    await file.close();
  }
}

/** Makes objects only when they are asked for, and then anew: three for each of 214,354 questions would fill the memory. */
function unpacking(parts: readonly AnnotationNumbers[]): VqaAnnotations {
  const places = new Map<number, number>(); // over the numbers of all parts
  let length = 0;
  const placed = parts.map((part) => {
    const { numbers } = part;
    const offset = length;
    for (let at = 0; at < numbers.length; at = endOf(numbers, at)) places.set(numbers[at]!, offset + at);
    length += numbers.length;
    return { ...part, offset };
  });
  return {
    has: (questionId) => places.has(questionId),
    get(questionId) {
      const place = places.get(questionId);
      if (place === undefined) return undefined;
      const { numbers, texts, offset } = placed.findLast((part) => part.offset <= place)!;
      const start = place - offset;
      const textAt = (at: number): string => texts[numbers[at]!]!;
      const answers: string[] = [];
      for (let at = start + BEFORE_ANSWERS; at < endOf(numbers, start); at++) answers.push(textAt(at));
      return {
        human: { texts: answers, details: null },
        answerType: textAt(start + 1),
        questionType: textAt(start + 2),
      };
    },
  };
}

function endOf(numbers: Float64Array, start: number): number {
  return start + BEFORE_ANSWERS + numbers[start + BEFORE_ANSWERS - 1]!;
}

/** The annotation of each question, by its index. @throws UserError when a question has none */
export function annotationsOf(
  questions: readonly { question_id: number }[],
  annotations: VqaAnnotations,
  file: FileInfo,
): (index: number) => VqaAnnotation {
  for (const { question_id } of questions) {
    if (annotations.has(question_id)) continue;
    throw new UserError(`${file.path} has no annotation for question ${question_id}. ${file.origin}`);
  }
  return (index) => annotations.get(questions[index]!.question_id)!;
}
