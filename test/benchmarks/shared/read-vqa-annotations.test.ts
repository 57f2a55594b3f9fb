import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import {
  annotationsOf,
  readAnnotationsInThreads,
  readVqaAnnotations,
  type VqaAnnotations,
} from '../../../src/benchmarks/shared/read-vqa-annotations.js';
import {
  type AnnotationRecord,
  annotationOf,
  type VqaAnnotation,
} from '../../../src/benchmarks/shared/vqa-annotations.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-annotations-'));
after(() => rm(folder, { recursive: true }));

const file = { path: join(folder, 'annotations.json'), origin: 'From there.' };

const TEXTS = ['yes', 'no', 'café', '😀', 'a "stop" sign', 'back\\slash', '', 'line\nbreak', '],{', 'a', 'b', 'c'];

/** Of several megabytes, which are read in as many parts. */
const RECORDS: AnnotationRecord[] = Array.from({ length: 3000 }, (_, i) => ({
  question_id: i === 2999 ? 5 : i, // the last one counts
  question_type: TEXTS[i % 5]!,
  answer_type: i % 2 === 0 ? 'other' : 'yes/no',
  padding: 'é'.repeat(500 + (i % 7)),
  answers: Array.from({ length: 1 + (i % 11) }, (_, k) => ({
    answer: `${TEXTS[(i + k) % TEXTS.length]}${i % 3 === 0 ? i : ''}`,
    answer_confidence: 'maybe',
    answer_id: k + 1,
  })),
}));

const EXPECTED = new Map(RECORDS.map((record) => [record.question_id, annotationOf(record, (text) => text)]));

/** The annotations that a reader found, by question id. */
async function all(
  reading: Promise<VqaAnnotations | null>,
): Promise<Map<number, VqaAnnotation | undefined> | undefined> {
  const annotations = await reading;
  return annotations ? new Map([...EXPECTED.keys()].map((id) => [id, annotations.get(id)])) : undefined;
}

function withoutIds(record: AnnotationRecord): AnnotationRecord {
  return { ...record, answers: record.answers.map(({ answer }) => ({ answer })) };
}

const write = (text: string) => writeFile(file.path, text);
const documentOf = (records: readonly unknown[]) => JSON.stringify({ info: {}, annotations: records });

test('annotations are the same from threads as from this one', async () => {
  await write(documentOf(RECORDS));
  assert.deepEqual(await all(readAnnotationsInThreads(file)), EXPECTED);
  assert.deepEqual(await all(readVqaAnnotations(file)), EXPECTED);
});

test('records that the threads do not take are read by this one', async () => {
  const records = RECORDS.map((record, i) => (i === 7 ? withoutIds(record) : record));
  const expected = new Map(records.map((record) => [record.question_id, annotationOf(record, (text) => text)]));
  assert.equal(typeof expected.get(7)!.human.details, 'object');
  await write(documentOf(records));
  assert.equal(await readAnnotationsInThreads(file), null);
  assert.deepEqual(await all(readVqaAnnotations(file)), expected);
});

test('answers that begin like records do not get the parts wrong', async () => {
  const records = RECORDS.map((record) => ({
    ...record,
    answers: record.answers.map((answer) => ({ question_id: 1, ...answer })),
  }));
  const expected = new Map(records.map((record) => [record.question_id, annotationOf(record, (text) => text)]));
  await write(documentOf(records));
  assert.equal(await readAnnotationsInThreads(file), null);
  assert.deepEqual(await all(readVqaAnnotations(file)), expected);
});

test('annotations come in the order of the questions', async () => {
  const questions = [{ question_id: 7 }, { question_id: 3 }];
  const annotation = annotationsOf(questions, EXPECTED, file);
  assert.deepEqual([annotation(0), annotation(1)], [EXPECTED.get(7), EXPECTED.get(3)]);
  const unknown = [...questions, { question_id: 3000 }];
  assert.throws(() => annotationsOf(unknown, EXPECTED, file), {
    name: 'UserError',
    message: /annotations\.json has no annotation for question 3000\. From there\./,
  });
});

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const BROKEN: readonly { what: string; text: string; message: RegExp }[] = [
  {
    what: 'a record that does not match the schema',
    text: documentOf(RECORDS.map((record, i) => (i === 2345 ? { ...record, answers: [{ answer: 1 }] } : record))),
    message: /record 2346 of "annotations": answers\.0\.answer must be string/,
  },
  {
    what: 'a record that is no JSON, in a file that is cut off behind it',
    text: documentOf(RECORDS).replace('"question_id":1200,', '"question_id":,').slice(0, -100_000),
    message: /record 1201 of "annotations" is not JSON/,
  },
  {
    what: 'a file that is cut off',
    text: documentOf(RECORDS).slice(0, -100_000),
    message: /annotations\.json is truncated: it ends in the middle of "annotations"\. From there\./,
  },
  {
    what: 'a record that is nested too deep',
    text: documentOf(RECORDS).replace('"question_id":1200,', `"question_id":1200,"deep":${deep(1000)},`),
    message: /record 1201 of "annotations" is not JSON: it is nested more than 500 levels deep/,
  },
];
for (const { what, text, message } of BROKEN) {
  test(`${what} is left by the threads to this one, whose error names the place`, async () => {
    await write(text);
    assert.equal(await readAnnotationsInThreads(file), null);
    const padded = text.replace('{"info":{}', `{"info":"${'x'.repeat(16 * 1024 * 1024)}"`); // read in threads at first
    await write(padded);
    await assert.rejects(readVqaAnnotations(file), { name: 'UserError', message });
  });
}

test('a missing file gives an error that says where to get it', async () => {
  const missing = { ...file, path: join(folder, 'none.json') };
  await assert.rejects(readVqaAnnotations(missing), {
    name: 'UserError',
    message: /none\.json does not exist\. From there\./,
  });
});
