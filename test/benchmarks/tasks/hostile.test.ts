import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readTaskBenchmark } from '../../../src/benchmarks/registry.js';
import { asLines, loadOwn, writeTask } from './own-task.js';

const root = await mkdtemp(join(tmpdir(), 'llavahr-hostile-'));
after(() => rm(root, { recursive: true }));

test('a million questions load', async () => {
  const rows = Array.from({ length: 1_000_000 }, (_, i) => `${i},What is ${i}?,${i % 7}\n`);
  const splits = { test: { files: ['q.csv'] } };
  const fields = { id: 'i', question: 'q', answer: 'a' };
  const files = { 'q.csv': `i,q,a\n${rows.join('')}` };
  const { questions, gold } = await loadOwn(join(root, 'million'), { splits, fields }, files);
  assert.equal(questions.length, 1_000_000);
  assert.deepEqual([questions.at(-1)!.text, gold(999_999)], ['What is 999999?', '0']);
});

test('image names cannot leave the folder', async () => {
  const folder = join(root, 'images');
  await mkdir(join(folder, 'images'), { recursive: true });
  await writeFile(join(root, 'secret.jpg'), 'not for the task');
  const names = ['../../secret.jpg', join(root, 'secret.jpg'), '..', '.', 'a\0b.jpg', 'x'.repeat(5000), 'none.jpg'];
  const lines = asLines(...names.map((name) => ({ q: 'q', a: 'x', p: name })));
  const image = { file: '{p}', in: 'images' };
  const { questions, images } = await loadOwn(folder, { image }, { 'q.jsonl': lines });
  for (const question of questions) {
    await assert.rejects(async () => images.read(question.image!), { name: 'ImageError' }, question.image!);
  }
  await images.close();
});

test('tables, archives and image folders outside of the data folder are refused before they are looked for', async () => {
  const refused = [
    { splits: { test: { files: ['../q.jsonl'] } } },
    { splits: { test: { files: ['/etc/passwd'] } } },
    { splits: { test: { files: ['q.jsonl'], imagesIn: '../images' } } },
    { image: { file: '{q}', in: '../images' } },
    { splits: { test: { files: ['q.jsonl'], downloads: [{ to: '../../.bashrc', urls: ['https://example.org'] }] } } },
    { splits: { test: { files: ['q.jsonl'], downloads: [{ to: 'q.jsonl', urls: ['file:///etc/passwd'] }] } } },
  ];
  for (const changes of refused) {
    const path = await writeTask(join(root, 'outside'), changes);
    assert.throws(
      () => readTaskBenchmark(path),
      { name: 'UserError', message: /task\.json: / },
      JSON.stringify(changes),
    );
  }
});

test('a pattern that would fill the memory, and one that RE2 lacks, are errors of the task file', async () => {
  for (const pattern of [
    '((a{1000}){1000}){1000}',
    '(a)\\1',
    '(?=a)',
    '(',
    `${'('.repeat(5000)}a${')'.repeat(5000)}`,
  ]) {
    const path = await writeTask(join(root, 'patterns'), { extract: { patterns: [pattern] } });
    assert.throws(
      () => readTaskBenchmark(path),
      { name: 'UserError', message: /extract\.patterns/ },
      pattern.slice(0, 40),
    );
  }
});

test('a column with a category for each question is an error, not a table of a million lines', async () => {
  const rows = Array.from({ length: 5000 }, (_, i) => ({ q: 'q', a: 'x', k: `k${i}` }));
  const fields = { question: 'q', answer: 'a', category: 'k' };
  const loading = loadOwn(join(root, 'many'), { fields }, { 'q.jsonl': asLines(...rows) });
  await assert.rejects(loading, { name: 'UserError', message: /5000 categories in 5000 questions/ });
});

test('names of object properties are columns, values and tasks like others', async () => {
  const text = '{"valueOf": "__proto__", "constructor": "a", "toString": "x"}';
  const changes = { name: 'constructor', prompt: '{valueOf}', image: { file: '{hasOwnProperty}', in: 'images' } };
  const fields = { question: 'valueOf', answer: 'constructor', category: 'toString' };
  const absent = loadOwn(join(root, 'proto'), { ...changes, fields }, { 'q.jsonl': text });
  await assert.rejects(absent, { name: 'UserError', message: /q\.jsonl has no "hasOwnProperty" in any row/ });
  const task = { ...changes, fields, image: undefined };
  const { questions, gold, category } = await loadOwn(join(root, 'proto'), task, { 'q.jsonl': text });
  assert.deepEqual([questions[0]!.text, gold(0), category!(0)], ['__proto__', 'a', 'x']);
  const polluting = '{"__proto__": {"question": "q"}, "question": "q"}';
  await loadOwn(
    join(root, 'proto'),
    { fields: { question: 'question', answer: 'question' } },
    { 'q.jsonl': polluting },
  );
  assert.equal(({} as Record<string, unknown>)['question'], undefined);
});

test('a file that is no table has a short message', async () => {
  const titles = Array.from({ length: 5000 }, (_, i) => `${i}`.repeat(i % 100)).join(',');
  const loading = loadOwn(join(root, 'wide'), { splits: { test: { files: ['q.csv'] } } }, { 'q.csv': `${titles}\n` });
  await assert.rejects(loading, ({ message }: Error) => /and 4970 more\.$/.test(message) && message.length < 2000);
});
