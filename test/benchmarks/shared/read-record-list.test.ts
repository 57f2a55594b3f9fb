import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { listScanner, readRecordList } from '../../../src/benchmarks/shared/read-record-list.js';
import { objectOf, schemaCheck, TEXT } from '../../../src/shared/json-schema.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-record-list-'));
after(() => rm(folder, { recursive: true }));

const path = join(folder, 'records.json');

async function read(text: string): Promise<{ text: string }[]> {
  await writeFile(path, text);
  const check = schemaCheck<{ text: string }>(objectOf<{ text: string }>({ text: TEXT }));
  const records: { text: string }[] = [];
  for await (const part of readRecordList({ path, check, origin: 'From there.' }, 'list')) records.push(...part);
  return records;
}

const TRICKY = ['', '"', '\\', '\\"', ']}', '{"list": [', ',', 'é 😀', '\u2028'].map((text) => ({ text }));

test('reads records regardless of their strings and what surrounds the list', async () => {
  const document = { info: { list: [1], 'a]': '"list": [' }, other: [['x'], {}], list: TRICKY, last: { text: 1 } };
  assert.deepEqual(await read(JSON.stringify(document)), TRICKY);
  assert.deepEqual(await read(JSON.stringify(document, null, 2)), TRICKY);
  assert.deepEqual(await read('{"list" :[ {"text":"a"} ]}'), [{ text: 'a' }]);
});

test('reads a file of several chunks', async () => {
  const fill = 'x'.repeat(1024 * 1024);
  const records = [{ text: fill }, ...TRICKY, { text: fill }];
  assert.deepEqual(await read(JSON.stringify({ fill: [fill], list: records })), records);
});

test('chunks may end anywhere', () => {
  const document = Buffer.from(JSON.stringify({ 'a"': ['\\"', { list: [] }], list: TRICKY, last: [TRICKY] }));
  for (let size = 1; size < 40; size++) {
    const scanner = listScanner('list');
    const texts: string[] = [];
    for (let start = 0; start < document.length; start += size) {
      texts.push(...[...scanner.push(document.subarray(start, start + size))].map(String));
    }
    assert.deepEqual(
      texts.map((text) => JSON.parse(text)),
      TRICKY,
      `chunks of ${size} bytes`,
    );
    assert.ok(scanner.isComplete());
  }
});

const BROKEN: readonly { what: string; text: string; message: RegExp }[] = [
  { what: 'no list', text: '{"other": []}', message: /records\.json has no list "list"\. From there\./ },
  { what: 'a list elsewhere', text: '{"other": {"list": [{"text": ""}]}}', message: /has no list "list"/ },
  { what: 'an object under the key', text: '{"list": {"a": [{"text": ""}]}}', message: /has no list "list"/ },
  { what: 'an empty list', text: '{"list": [ ]}', message: /records\.json has no records\. From there\./ },
  {
    what: 'a file truncated in a record',
    text: '{"list": [{"text": "a"}, {"te',
    message: /truncated: it ends in the middle of "list"/,
  },
  {
    what: 'a file truncated after a record',
    text: '{"list": [{"text": "a"}',
    message: /truncated: it ends in the middle of "list"/,
  },
  {
    what: 'a broken record',
    text: '{"list": [{"text": "a"}, {text: "b"}]}',
    message: /record 2 of "list" is not JSON/,
  },
  { what: 'two commas', text: '{"list": [{"text": "a"},, {"text": "b"}]}', message: /record 2 of "list" is not JSON/ },
  {
    what: 'a record that does not match the schema',
    text: '{"list": [{"text": 1}]}',
    message: /record 1 of "list": text must be string/,
  },
  { what: 'a number as record', text: '{"list": [7]}', message: /record 1 of "list": .* must be object/ },
  { what: 'no JSON at all', text: 'not found', message: /has no list "list"/ },
];
for (const { what, text, message } of BROKEN) {
  test(`${what} gives an error that names the place`, async () => {
    await assert.rejects(read(text), { name: 'UserError', message });
  });
}

test('a missing file gives an error that says where to get it', async () => {
  const check = schemaCheck<unknown>({});
  const records = readRecordList({ path: join(folder, 'none.json'), check, origin: 'From there.' }, 'list');
  await assert.rejects(records.next(), { name: 'UserError', message: /none\.json does not exist\. From there\./ });
});
