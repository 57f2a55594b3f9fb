import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findBenchmark, selectBenchmarks } from '../../../src/benchmarks/registry.js';
import { readTaskFile } from '../../../src/benchmarks/tasks/read-task-file.js';
import { taskHash } from '../../../src/benchmarks/tasks/task-benchmark.js';
import { fillTemplate, parseTemplate } from '../../../src/benchmarks/tasks/template.js';
import { LEAST, writeTask } from './own-task.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-task-file-'));
after(() => rm(folder, { recursive: true }));

const MISTAKES: readonly [what: string, changes: object, message: RegExp][] = [
  ['an unknown field', { promt: 'x' }, /task\.json: the task has an unknown field "promt"\. Did you mean prompt\?/],
  [
    'an unknown nested field',
    { fields: { question: 'q', answr: 'a' } },
    /fields has an unknown field "answr"\. Did you mean answer\?/,
  ],
  [
    'a field that is far from any',
    { zzzzzz: 1 },
    /has an unknown field "zzzzzz"\. Its fields are schemaVersion, name, splits/,
  ],
  ['a missing field', { fields: { answer: 'a' } }, /fields lacks the field "question"/],
  ['a wrong type', { maxNewTokens: 'many' }, /maxNewTokens must be integer/],
  ['a wrong version', { schemaVersion: 2 }, /schemaVersion must be 1/],
  ['an unknown metric', { metric: 'bleu' }, /metric must be one of exact, exact-words, vqa, .*, not "bleu"/],
  ['an unknown metric with settings', { metric: { name: 'bleu' } }, /metric\.name must be one of .*, not "bleu"/],
  ['a tolerance out of range', { metric: { name: 'relaxed', tolerance: 5 } }, /metric\.tolerance must be <= 1/],
  [
    'a name with capitals',
    { name: 'My Task' },
    /name must be lower-case letters, digits, dots and hyphens, not "My Task"/,
  ],
  ['no split', { splits: {} }, /splits must NOT have fewer than 1 properties/],
  ['no file', { splits: { test: { files: [] } } }, /splits\.test\.files must NOT have fewer than 1 items/],
  [
    'a file outside of the folder',
    { splits: { test: { files: ['../q.jsonl'] } } },
    /splits\.test\.files\[0\] must be a relative path .* that stays in the data folder, not "\.\.\/q\.jsonl"/,
  ],
  ['an absolute path', { splits: { test: { files: ['/etc/passwd'] } } }, /files\[0\] must be a relative path/],
  ['images in two places', { image: { file: '{x}', in: 'i', column: 'x' } }, /image has both "file" and "column"/],
  ['images without a place', { image: { file: '{x}' } }, /image must have property in/],
  ['images outside of the folder', { image: { file: '{x}', in: 'a/../../b' } }, /image\.in must be a relative path/],
  ['a template with a single brace', { prompt: 'x {question' }, /prompt has a single "\{": write \{\{ for a brace/],
  ['options that are not there', { prompt: '{options}' }, /prompt has \{options\}, but fields\.options is missing/],
  ['a broken pattern', { extract: { patterns: ['ok', '('] } }, /extract\.patterns\[1\] is no RE2 pattern/],
  [
    'a pattern that looks back',
    { extract: { patterns: ['(?<=a)b'] } },
    /extract\.patterns\[0\] is no RE2 pattern .*lookaround/,
  ],
  ['an index without options', { answerIs: 'index' }, /answerIs is "index", but fields\.options is missing/],
  ['a macro mean without categories', { score: 'macro-mean' }, /fields\.category is missing/],
  ['no answers', { fields: { question: 'q' } }, /splits\.test\.scored must be "server"/],
  [
    'a download from nowhere',
    { splits: { test: { files: ['q'], downloads: [{ to: 'q', urls: ['ftp://x'] }] } } },
    /downloads\[0\]\.urls\[0\] must be like \^https/,
  ],
];
for (const [what, changes, message] of MISTAKES) {
  test(`${what} is an error with file, JSON path and remedy`, async () => {
    const path = await writeTask(folder, changes);
    assert.throws(
      () => findBenchmark(path),
      (error: Error) => {
        assert.equal(error.name, 'UserError');
        assert.match(error.message, message);
        assert.match(error.message, /docs\/task-files\.md/);
        return true;
      },
    );
  });
}

test('a missing file, one that is not JSON, and a huge one are errors', async () => {
  const path = join(folder, 'other.json');
  assert.throws(() => readTaskFile(path), /other\.json does not exist/);
  await writeFile(path, '{');
  assert.throws(() => readTaskFile(path), /other\.json is not JSON/);
  await writeFile(path, ' '.repeat(5 << 20));
  assert.throws(() => readTaskFile(path), /has 5242880 bytes: a task file has a few thousand/);
});

test("a task must not have the name of one of llavahr's benchmarks, nor of another that is asked for", async () => {
  const path = await writeTask(folder, { name: 'textvqa' });
  assert.throws(() => findBenchmark(path), { message: /which is one of llavahr's own benchmarks/, exitCode: 2 });
  const first = await writeTask(join(folder, 'a'), {});
  const second = await writeTask(join(folder, 'b'), {});
  assert.throws(() => selectBenchmarks(`${first},${second}`), { message: /Two of the benchmarks are called own/ });
  assert.equal(selectBenchmarks(`${first},${first}`).length, 1);
});

test('comments, titles and published numbers do not change the identity; prompts and scores do', () => {
  const hash = taskHash(LEAST);
  const same = { ...LEAST, '//': 'why', title: 'Own', notes: ['n'], licence: 'CC0', '// x': { y: 1 } };
  assert.equal(taskHash(same), hash);
  assert.equal(taskHash({ ...LEAST, splits: { test: { files: ['q.jsonl'], questions: 5, note: 'n' } } }), hash);
  for (const change of [
    { prompt: '{question}?' },
    { metric: 'f1' },
    { splits: { test: { files: ['q.jsonl'], where: { s: ['x'] } } } },
    { fields: { question: 'q', answer: 'b' } },
    { systemPrompt: 'Be short.' },
    { score: 'sum' },
  ]) {
    assert.notEqual(taskHash({ ...LEAST, ...change } as typeof LEAST), hash, JSON.stringify(change));
  }
});

test('templates fill in values, leave out parts without an optional one, and have braces', () => {
  const values: Record<string, string> = { hint: 'Look.', question: 'What {this}?' };
  const fill = (template: string | string[]) => fillTemplate(parseTemplate(template), (name) => values[name]);
  assert.equal(fill('{{{question}}}'), '{What {this}?}');
  assert.equal(fill(['{hint?}\n', '{context?}\n', '{question}']), 'Look.\nWhat {this}?');
  assert.throws(() => fill('{context}'), /has no "context"/);
});
