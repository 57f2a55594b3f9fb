import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { readMembers } from '../../../src/benchmarks/shared/read-members.js';
import { objectOf, schemaCheck, TEXT } from '../../../src/shared/json-schema.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-members-'));
after(() => rm(folder, { recursive: true }));
const path = join(folder, 'records.json');
const check = schemaCheck<{ text: string }>(objectOf<{ text: string }>({ text: TEXT }));

async function read(content: string): Promise<[string, string][]> {
  await writeFile(path, content);
  const members: [string, string][] = [];
  for await (const [id, { text }] of readMembers({ path, check, origin: 'Where from.' })) members.push([id, text]);
  return members;
}

test('records come in file order, even with integer-like ids', async () => {
  const content = ' {"20": {"text": "a"},\n"007":{"text":"b", "x": [{"y": [1, 2]}, {}]} , "1": {"text": "c"}}\n';
  assert.deepEqual(await read(content), [
    ['20', 'a'],
    ['007', 'b'],
    ['1', 'c'],
  ]);
  assert.deepEqual(await read('{"__proto__": {"text": "a"}}'), [['__proto__', 'a']]);
});

test('brackets, quotes and escapes inside strings are handled', async () => {
  const texts = ['}{][,":', '\\', '\\"', '"', 'a\\\\",', '\u2028é😀'];
  const members = texts.map((text, i): [string, string] => [`${text}${i}`, text]);
  const content = `{${members.map(([id, text]) => `${JSON.stringify(id)}:${JSON.stringify({ text })}`).join(',')}}`;
  assert.deepEqual(await read(content), members);
});

test('records may span chunks', async () => {
  const members = Array.from({ length: 40_000 }, (_, i): [string, string] => [
    `${40_000 - i}`,
    'é\\"{'.repeat(i % 17) + i,
  ]);
  const long: [string, string] = ['long', '"é'.repeat(1_000_000)];
  const all = [...members.slice(0, 20_000), long, ...members.slice(20_000)];
  const content = `{${all.map(([id, text]) => `${JSON.stringify(id)}:${JSON.stringify({ text })}`).join(',')}}`;
  assert.ok(content.length > 5_000_000);
  assert.deepEqual(await read(content), all);
});

const BROKEN: readonly [content: string, message: RegExp][] = [
  ['', /has no records\. Where from\./],
  ['{}', /has no records/],
  ['{', /truncated/],
  ['{"a": {"text": "x"}', /truncated/],
  ['{"a": {"text": "x', /truncated/],
  ['[]', /not a JSON object/],
  ['"a"', /not a JSON object/],
  ['x{"a": {"text": "x"}}', /not a JSON object/],
  ['{"a": {"text": "x"}} {', /not a JSON object/],
  ['{"a": {"text": "x"}} x', /not a JSON object/],
  ['{"a": {"text": "x"},}', /record 2 is not valid JSON/],
  ['{"a": {"text": "x"},,"b": {"text": "x"}}', /record 2 is not valid JSON/],
  ['{"a": {"text": "x"}, "b" {"text": "x"}}', /record 2 is not JSON/],
  ['{"a": {"text": "x"}, b: {"text": "x"}}', /record 2 is not JSON/],
  ['{"a": {"text": ["x"}}}', /truncated|not JSON/],
  ['{"a": {"text": 1}}', /records\.json, record "a": text must be string/],
];
for (const [content, message] of BROKEN) {
  test(`${JSON.stringify(content)} gives an error that names the problem`, async () => {
    await assert.rejects(read(content), { name: 'UserError', message });
  });
}

test('a missing file gives an error that says where to get it', async () => {
  await rm(path, { force: true });
  await assert.rejects(readMembers({ path, check, origin: 'Where from.' }).next(), {
    name: 'UserError',
    message: /does not exist\. Where from\./,
  });
});
