import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../src/shared/errors.js';
import { describeDamage, openJsonLines, readJsonLines } from '../../src/shared/json-lines.js';
import { schemaCheck } from '../../src/shared/json-schema.js';
import { temporaryFolder } from '../results/samples.js';

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

/** A file of these items. */
async function written(t: TestContext, items: readonly Item[]): Promise<string> {
  const path = join(await temporaryFolder(t), 'a.jsonl');
  const { file } = await openAll(path);
  await file.append(items);
  await file.close();
  return path;
}

test('lines that cross chunks of a large file are read whole', async (t) => {
  const path = join(await temporaryFolder(t), 'a.jsonl');
  const items = Array.from({ length: 60 }, (_, n) => ({ n, text: 'ä漢🙂'.repeat(n * 100) })); // 1.6 MB and more
  const { file } = await openAll(path);
  const spans = await file.append(items);
  const { check: checksum, ...last } = JSON.parse(file.readLine(spans[59]!).toString());
  assert.deepEqual(last, items[59]);
  assert.match(checksum, /^[0-9a-f]{8}$/);
  await file.close();
  const again = await openAll(path);
  assert.deepEqual(again.items, items);
  assert.equal(again.file.droppedBytes, 0);
  await again.file.close();
});

test('wherever a crash cuts the file, whole lines are kept and the next line is appended correctly', async (t) => {
  const items = [0, 1, 2].map((n) => ({ n, text: `über ${n}` }));
  const path = await written(t, items);
  const bytes = await readFile(path);
  const lines = bytes.toString().split(/(?<=\n)/);
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

test('zeros at the end, as some file systems leave them, are dropped', async (t) => {
  const path = await written(t, [{ n: 1, text: 'a' }]);
  const before = await readFile(path);
  await appendFile(path, '\0'.repeat(300));
  const { items, file } = await openAll(path);
  await file.close();
  assert.deepEqual(items, [{ n: 1, text: 'a' }]);
  assert.equal(file.droppedBytes, 300);
  assert.deepEqual(await readFile(path), before);
});

test('any changed byte in a line is detected: the line is reported and skipped, the others are kept', async (t) => {
  const items = [0, 1, 2].map((n) => ({ n, text: `answer ${n}` }));
  const path = await written(t, items);
  const whole = await readFile(path);
  const [start, length] = [whole.indexOf(0x0a) + 1, whole.indexOf(0x0a) + 1];
  for (let at = start; at < start + length - 1; at++) {
    const changed = Buffer.from(whole);
    changed[at]! ^= 1;
    await writeFile(path, changed);
    const found: Item[] = [];
    const damage = await readJsonLines(path, check, (item) => found.push(item));
    assert.deepEqual(found, [items[0], items[2]], `byte ${at}`);
    assert.equal(damage.lines, 1);
    assert.match(damage.examples[0]!, /^line 2 \(it has no checksum\)$|^line 2 \(its checksum is wrong\)$/);
  }
});

test('damaged lines do not keep a file from growing', async (t) => {
  const items = [0, 1, 2].map((n) => ({ n, text: `answer ${n}` }));
  const path = await written(t, items);
  const lines = (await readFile(path, 'utf8')).split('\n');
  // The second lost its newline and swallowed a part of the third; an empty line and one without a checksum follow.
  await writeFile(path, `${lines[0]}\n${lines[1]}${lines[2]!.slice(9)}\n\n{"n":5,"text":"e"}\n`);
  const { items: found, file } = await openAll(path);
  assert.deepEqual(found, [items[0]]);
  assert.equal(
    describeDamage('a.jsonl', file.damage),
    'a.jsonl: 3 damaged lines: line 2 (its checksum is wrong), line 3 (it has no checksum), line 4 (it has no checksum)',
  );
  const [span] = await file.append([{ n: 9, text: 'next' }]);
  assert.equal(JSON.parse(file.readLine(span!).toString()).n, 9);
  await file.close();
  assert.deepEqual(await readAll(path), [items[0], { n: 9, text: 'next' }]);
});

test('an intact line of another version is reported and the file left alone', async (t) => {
  const path = join(await temporaryFolder(t), 'a.jsonl');
  const other = await openJsonLines<{ n: number }>(path, schemaCheck({ type: 'object' }), () => {});
  await other.append([{ n: 2 }]);
  await other.close();
  const text = await readFile(path, 'utf8');
  const isNamed = (error: unknown) =>
    error instanceof UserError &&
    error.message.startsWith(path) &&
    /line 1: .*required property 'text'.*another version of llavahr/.test(error.message);
  await assert.rejects(openAll(path), isNamed);
  await assert.rejects(readAll(path), isNamed);
  assert.equal(await readFile(path, 'utf8'), text);
});

test('a value that does not match the schema is not written', async (t) => {
  const path = join(await temporaryFolder(t), 'a.jsonl');
  const { file } = await openAll(path);
  await assert.rejects(file.append([{ n: Number.NaN, text: '' }]), /would be invalid: n must be integer/);
  await file.close();
  assert.equal(await readFile(path, 'utf8'), '');
});

test('when writing a line fails, the file ends with the previous line', {
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
