import { stat } from 'node:fs/promises';
import { UserError } from '../../shared/errors.js';
import type { AnnotationNumbers, AnnotationTask } from './annotation-thread.js';
import { readRecordList, readRecordParts } from './read-record-list.js';
import {
  type AnnotationRecord,
  annotationCheck,
  annotationOf,
  type FileInfo,
  type VqaAnnotation,
} from './vqa-annotations.js';

/** Annotations by question id. */
export type VqaAnnotations = ReadonlyMap<number, VqaAnnotation>;

/** Files from this size on are parsed in a thread of their own, which takes 0.1 s to start. */
const WORTH_A_THREAD = 16 * 1024 * 1024;

/** Parts that are read ahead of the thread, of about a megabyte each. */
const AHEAD = 16;

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
  return (isLarge ? await readAnnotationsInThread(file) : null) ?? (await readHere(file));
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
 * Leaves parsing, which takes most of the time, to a thread, while this one reads the next parts and other files.
 * @returns null when anything is wrong, with the file or the thread: `readHere` then finds out what
 */
export async function readAnnotationsInThread(file: FileInfo): Promise<VqaAnnotations | null> {
  const { Tinypool } = await import('tinypool');
  const pool = new Tinypool({
    filename: new URL('./annotation-thread.js', import.meta.url).href,
    runtime: 'worker_threads',
    isolateWorkers: false,
    minThreads: 1,
    maxThreads: 1,
  });
  const annotations = new Map<number, VqaAnnotation>();
  const texts: string[] = [];
  let added = Promise.resolve(); // fails with the first part that does
  try {
    let parts = 0;
    for await (const { elements, isShallow } of readRecordParts(file, 'annotations')) {
      if (elements.length === 0) continue;
      if (!isShallow) return null;
      const task = taskOf(elements);
      const reply: Promise<AnnotationNumbers | null> = pool.run(task, { transferList: [task.bytes.buffer] });
      added = Promise.all([reply, added]).then(([parsed]) => {
        if (parsed === null) throw new Error('a record is not valid');
        unpack(parsed, texts, annotations);
      });
      added.catch(() => {}); // awaited below
      if (++parts % AHEAD === 0) await added;
    }
    await added;
    return annotations;
  } catch {
    return null;
  } finally {
    await pool.destroy();
  }
}

function taskOf(elements: readonly Buffer[]): AnnotationTask {
  const [first, last] = [elements[0]!, elements.at(-1)!];
  const start = first.byteOffset;
  const bytes = new Uint8Array(first.buffer as ArrayBuffer, start, last.byteOffset + last.length - start);
  return { bytes, ends: Int32Array.from(elements, ({ byteOffset, length }) => byteOffset + length - start) };
}

/** @param texts those that the thread has sent so far; the fresh ones are added */
function unpack({ numbers, fresh }: AnnotationNumbers, texts: string[], to: Map<number, VqaAnnotation>): void {
  for (const text of fresh) texts.push(text);
  let at = 0;
  const next = (): string => texts[numbers[at++]!]!;
  const list = (length: number): string[] => {
    const values: string[] = [];
    for (let i = 0; i < length; i++) values.push(next());
    return values;
  };
  while (at < numbers.length) {
    const questionId = numbers[at++]!;
    const answerType = next();
    const questionType = next();
    const answers = list(numbers[at++]!);
    const details = numbers[at++] === 0 ? null : list(answers.length);
    to.set(questionId, { human: { texts: answers, details }, answerType, questionType });
  }
}

/** The annotations of the given questions, in their order. @throws UserError when a question has none */
export function annotationsOf(
  questions: readonly { question_id: number }[],
  annotations: VqaAnnotations,
  file: FileInfo,
): VqaAnnotation[] {
  return questions.map(({ question_id }) => {
    const annotation = annotations.get(question_id);
    if (annotation) return annotation;
    throw new UserError(`${file.path} has no annotation for question ${question_id}. ${file.origin}`);
  });
}
