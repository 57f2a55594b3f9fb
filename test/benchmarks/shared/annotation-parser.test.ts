import assert from 'node:assert/strict';
import test from 'node:test';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { annotationParser, BEFORE_ANSWERS, END, ENDS } from '../../../src/benchmarks/shared/annotation-parser.js';
import { type AnnotationRecord, annotationCheck } from '../../../src/benchmarks/shared/vqa-annotations.js';

/** What a parser keeps of a record. */
interface Kept {
  id: number;
  types: [string, string];
  answers: string[];
}

/** Parses records that arrive in parts of so many bytes, as the thread does. @returns null when the parser gives up */
function parsed(list: Uint8Array, partBytes: number): Kept[] | null {
  const parser = annotationParser();
  let rest = Buffer.alloc(0);
  try {
    for (let at = 0; at < list.length; at += partBytes) {
      const part = Buffer.concat([rest, list.subarray(at, at + partBytes)]);
      const place = parser.push(Buffer.concat([part, Buffer.alloc(ENDS, END)]), part.length);
      if (place === null) return kept(parser.result());
      rest = part.subarray(place);
    }
  } catch {}
  return null;
}

function kept({ numbers, texts }: ReturnType<ReturnType<typeof annotationParser>['result']>): Kept[] {
  const records: Kept[] = [];
  for (let at = 0; at < numbers.length; ) {
    const [id, answerType, questionType, count] = numbers.subarray(at, at + BEFORE_ANSWERS);
    const answers = [...numbers.subarray(at + BEFORE_ANSWERS, at + BEFORE_ANSWERS + count!)].map(
      (place) => texts[place]!,
    );
    records.push({ id: id!, types: [texts[answerType!]!, texts[questionType!]!], answers });
    at += BEFORE_ANSWERS + count!;
  }
  return records;
}

/** The same from `JSON.parse`; null when it is no list of annotations. */
function expected(list: Uint8Array): Kept[] | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(list);
    const records = JSON.parse(`[${text}`) as unknown[];
    return records.map((record) => {
      if (!annotationCheck.fits(record)) throw new Error(annotationCheck.problem());
      const { question_id: id, answer_type, question_type, answers } = record;
      return { id, types: [answer_type, question_type], answers: answers.map(({ answer }) => answer) };
    });
  } catch {
    return null;
  }
}

const TEXTS = [
  'yes',
  'no',
  'café',
  '😀',
  'a "stop" sign',
  'back\\slash',
  '',
  'line\nbreak',
  '],{',
  '{"a": 1}',
  'ﬁ',
  '\\',
];
const random = xoroshiro128plus(7);
const below = (count: number) => uniformInt(random, 0, count - 1);
const oneOf = <T>(list: readonly T[]): T => list[below(list.length)]!;

function record(): AnnotationRecord {
  const fields: Record<string, unknown> = {
    question_id: below(2) === 0 ? below(10) : Number.MAX_SAFE_INTEGER % 10 ** 15,
    image_id: below(1e6),
    question_type: oneOf(TEXTS),
    answer_type: oneOf(TEXTS),
    multiple_choice_answer: oneOf(TEXTS),
    answers: Array.from({ length: 1 + below(10) }, (_, k) =>
      shuffled({ answer: oneOf(TEXTS) + oneOf(['', String(below(1e6))]), answer_confidence: 'yes', answer_id: k + 1 }),
    ),
  };
  return shuffled(fields) as unknown as AnnotationRecord;
}

function shuffled(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).sort(() => below(3) - 1));
}

/** The list's text behind its bracket, as Python and JavaScript and people write it. */
function listOf(records: readonly unknown[]): string {
  const text = JSON.stringify(records, null, oneOf([0, 1, '\t']));
  const python =
    below(2) === 0
      ? text
      : text.replaceAll(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `${python.slice(1)}, "license": {}}`;
}

test('annotations are what JSON.parse makes of them, however their file is cut', () => {
  for (let i = 0; i < 200; i++) {
    const records = Array.from({ length: 1 + below(8) }, record);
    const list = Buffer.from(listOf(records));
    const end = list.lastIndexOf(']') + 1;
    for (const size of [1 + below(40), 1 + below(3000), list.length]) {
      assert.deepEqual(parsed(list, size), expected(list.subarray(0, end)), list.toString());
    }
  }
});

test('whatever is damaged is left to JSON.parse, or read as it reads it', () => {
  const bytes = Buffer.from('"\\{}[],: \n019-.eutn\0\xffé', 'latin1');
  let alike = 0;
  for (let i = 0; i < 2000; i++) {
    const list = Buffer.from(`${JSON.stringify([record(), record()]).slice(1)}`);
    for (let damage = 1 + below(2); damage > 0; damage--) list[below(list.length)] = oneOf([...bytes]);
    const result = parsed(list, 1 + below(list.length));
    if (result === null) continue;
    alike++;
    assert.deepEqual(result, expected(list), list.toString('latin1'));
  }
  assert.ok(alike > 50, `only ${alike} of the damaged lists were read`);
});

const RECORD = { question_id: 1, question_type: 'a', answer_type: 'b', answers: [{ answer: 'c', answer_id: 1 }] };
const { question_type: _, ...UNTYPED } = RECORD;
const text = JSON.stringify(RECORD);
const UNUSUAL: Readonly<Record<string, string>> = {
  'no records': '',
  'a record without a question type': JSON.stringify(UNTYPED),
  'a record without answers': JSON.stringify({ ...RECORD, answers: [] }),
  'an answer without a text': JSON.stringify({ ...RECORD, answers: [{ answer_id: 1 }] }),
  'answers of one id': JSON.stringify({ ...RECORD, answers: [...RECORD.answers, ...RECORD.answers] }),
  'answers without ids': JSON.stringify({ ...RECORD, answers: [{ answer: 'c' }] }),
  'two lists of answers': text.replace('"question_id"', '"answers":[{"answer":"d","answer_id":2}],"question_id"'),
  'a key with an escape': text.replace('"answer_id":1', '"answer_id":1,"answer\\u005fid":2'),
  'a negative id': text.replace('"question_id":1', '"question_id":-1'),
  'a fraction': text.replace('"question_id":1', '"question_id":1.5'),
  'an id with a zero before it': text.replace('"question_id":1', '"question_id":01'),
  'an id that JavaScript would round': text.replace('"question_id":1', '"question_id":9007199254740993'),
  'a nested field': JSON.stringify({ ...RECORD, image: { id: 1 } }),
  'a list of lists': `[${text}]`,
};
for (const [what, records] of Object.entries(UNUSUAL)) {
  test(`${what}: left to the reader of any JSON`, () => {
    const good = Buffer.from(`${text}, ${text}]`);
    assert.equal(parsed(good, good.length)?.length, 2);
    const list = Buffer.from(`${records}]`);
    assert.equal(parsed(list, list.length), null);
    const behind = Buffer.from(`${text}, ${records}]`);
    assert.equal(parsed(behind, behind.length), null);
  });
}

test('lists of any length are read', () => {
  const records = Array.from({ length: 10_000 }, (_, i) => ({
    ...RECORD,
    question_id: i,
    answers: Array.from({ length: 10 }, (_, k) => ({ answer: `${i} ${k}`, answer_id: k })),
  }));
  const list = Buffer.from(JSON.stringify(records).slice(1));
  assert.deepEqual(parsed(list, 1 << 20), expected(list));
});

test('a list that is cut off is left to the reader of any JSON', () => {
  const list = Buffer.from(`${text}, ${text}`);
  for (let length = 0; length <= list.length; length++) assert.equal(parsed(list.subarray(0, length), 10), null);
});
