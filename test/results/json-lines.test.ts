import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../src/errors.js';
import { schemaCheck } from '../../src/json-schema.js';
import { openJsonLines, readJsonLines } from '../../src/results/json-lines.js';
import { temporaryFolder } from './samples.js';

interface Item {
  n: number;
  text: string;
}
const check = schemaCheck<Item>({
  type: 'object',
  properties: { n: { type: 'integer' }, text: { type: 'string' } },
  required: ['n', 'text'],
});

async function readAll(path: string): Promise<Item[]> {
  const items: Item[] = [];
  await readJsonLines(path, check, (item) => items.push(item));
  return items;
}

async function openAll(path: string) {
  const items: Item[] = [];
  return { items, file: await openJsonLines(path, check, (item) => items.push(item)) };
}

test('lines that cross the chunks of a large file come back whole', async (t) => {
  const path = join(await temporaryFolder(t), 'a.jsonl');
  const items = Array.from({ length: 60 }, (_, n) => ({ n, text: 'ä漢🙂'.repeat(n * 100) })); // 1.6 MB and more
  const { file } = await openAll(path);
  const spans = await file.append(items);
  assert.deepEqual(JSON.parse(file.readLine(spans[59]!).toString()), items[59]);
  await file.close();
  const again = await openAll(path);
  assert.deepEqual(again.items, items);
  assert.equal(again.file.droppedBytes, 0);
  await again.file.close();
});

test('wherever a crash cuts the file, whole lines stay and the next line fits on', async (t) => {
  const path = join(await temporaryFolder(t), 'a.jsonl');
  const items = [0, 1, 2].map((n) => ({ n, text: `über ${n}` }));
  const lines = items.map((item) => `${JSON.stringify(item)}\n`);
  const bytes = Buffer.from(lines.join(''));
  for (let length = 0; length <= bytes.length; length++) {
    await writeFile(path, bytes.subarray(0, length));
    const kept = items.slice(0, bytes.subarray(0, length).toString('latin1').split('\n').length - 1);
    assert.deepEqual(await readAll(path), kept, `cut after ${length} bytes`);
    const { items: found, file } = await openAll(path);
    assert.deepEqual(found, kept);
    assert.equal(file.droppedBytes, length - Buffer.byteLength(lines.slice(0, kept.length).join('')));
    await file.append([{ n: 9, text: 'next' }]);
    await file.close();
    assert.deepEqual(await readAll(path), [...kept, { n: 9, text: 'next' }]);
  }
});

for (const [name, tail] of [
  ['a last line that is not JSON', '{"n":2,"te\n'],
  ['zeros, as some file systems leave them', '\0'.repeat(300)],
] as const) {
  test(`dropped on opening: ${name}`, async (t) => {
    const path = join(await temporaryFolder(t), 'a.jsonl');
    await writeFile(path, `{"n":1,"text":"a"}\n${tail}`);
    const { items, file } = await openAll(path);
    await file.close();
    assert.deepEqual(items, [{ n: 1, text: 'a' }]);
    assert.equal(file.droppedBytes, tail.length);
    assert.equal(await readFile(path, 'utf8'), '{"n":1,"text":"a"}\n');
  });
}

for (const [name, text, message] of [
  ['not JSON', '{"n":1,"text":"a"}\n{"n":2,\n{"n":3,"text":"c"}\n', /line 2: not JSON/],
  ['not JSON, before a torn line', '{"n":1,"text":"a"}\n{"n":2,\n{"n":3', /line 2: not JSON/],
  ['empty', '{"n":1,"text":"a"}\n\n{"n":3,"text":"c"}\n', /line 2: not JSON/],
  ['another value', '{"n":1,"text":"a"}\n{"n":2}\n', /line 2: .*required property 'text'/],
] as const) {
  test(`a damaged line is named and the file left alone: ${name}`, async (t) => {
    const path = join(await temporaryFolder(t), 'a.jsonl');
    await writeFile(path, text);
    const isNamed = (error: unknown) =>
      error instanceof UserError && error.message.startsWith(path) && message.test(error.message);
    await assert.rejects(openAll(path), isNamed);
    await assert.rejects(readAll(path), isNamed);
    assert.equal(await readFile(path, 'utf8'), text);
  });
}

test('a value that does not fit is not written', async (t) => {
  const path = join(await temporaryFolder(t), 'a.jsonl');
  const { file } = await openAll(path);
  await assert.rejects(file.append([{ n: Number.NaN, text: '' }]), /written wrong: n must be integer/);
  await file.close();
  assert.equal(await readFile(path, 'utf8'), '');
});

test('when the disk refuses a line, the file ends with the line before', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const path = join(await temporaryFolder(t), 'a.jsonl');
  const child = fileURLToPath(new URL('./fill-disk.js', import.meta.url));
  // A file size limit of 8 x 512 or 1024 bytes stands for a full disk.
  const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -f 8; exec "$0" "$@"', process.execPath, child, path]);
  const [written, error] = stdout.toString().split('\n') as [string, string];
  assert.match(error, /a\.jsonl cannot be written: EFBIG/, stderr.toString());
  const items = await readAll(path);
  assert.ok(items.length > 10);
  assert.equal(items.length, Number(written));
  assert.equal((await readFile(path)).at(-1), 0x0a);
});
