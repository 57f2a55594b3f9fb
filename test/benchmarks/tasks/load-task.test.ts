import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { asLines, loadOwn } from './own-task.js';

const root = await mkdtemp(join(tmpdir(), 'llavahr-load-task-'));
after(() => rm(root, { recursive: true }));
let count = 0;
const next = () => join(root, String(++count));

const PICTURES = ['first picture', 'second picture'].map((text) => Buffer.from(text));
const [FIRST, SECOND] = PICTURES.map((bytes) => bytes.toString('base64')) as [string, string];

/** The same two questions in every format. */
const CHOICE = {
  fields: { id: 'index', question: 'question', options: ['A', 'B', 'C'], answer: 'answer', category: 'kind' },
  image: { column: 'image', id: 'content' },
  missing: ['nan'],
  prompt: ['{hint?}\n', '{question}\n{options}\n', 'Letter, please.'],
  metric: 'choice',
};
const PROMPTS = [
  'Look: "here"\nand there.\nWhich?\nA. a, b\nB. c\nLetter, please.',
  'Who?\nA. x\nB. y\nC. z\nLetter, please.',
];
const ROWS = [
  {
    index: 7,
    question: 'Which?',
    hint: 'Look: "here"\nand there.',
    A: 'a, b',
    B: 'c',
    C: 'nan',
    answer: 'B',
    kind: 'k',
    image: FIRST,
  },
  { index: 8, question: 'Who?', hint: '', A: 'x', B: 'y', C: 'z', answer: 'C', kind: 'm', image: SECOND },
  { index: 1007, question: 'Which?', hint: '', A: 'c', B: 'a, b', C: '', answer: 'A', kind: 'k', image: FIRST },
];
const TITLES = Object.keys(ROWS[0]!);

function separated(delimiter: string, lineEnd: string): string {
  const quote = (cell: unknown) =>
    /["\n\t,]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell);
  const lines = [TITLES, ...ROWS.map((row) => Object.values(row).map(quote))].map((cells) => cells.join(delimiter));
  return `\ufeff${lines.join(lineEnd)}${lineEnd}`;
}

function parquet(images: unknown[]): Uint8Array {
  const column = (name: string) => ROWS.map((row) => (row as Record<string, unknown>)[name]);
  const texts = TITLES.slice(1, -1).map((name) => ({ name, data: column(name), type: 'STRING' as const }));
  const columnData = [
    { name: 'index', data: ROWS.map(({ index }) => BigInt(index)), type: 'INT64' as const },
    ...texts,
    images.every((image) => typeof image === 'string')
      ? { name: 'image', data: images, type: 'STRING' as const }
      : { name: 'image', data: images, type: 'BYTE_ARRAY' as const },
  ];
  return new Uint8Array(
    parquetWriteBuffer({ columnData, rowGroupSize: 2 } as Parameters<typeof parquetWriteBuffer>[0]),
  );
}

const FORMATS: readonly [name: string, content: string | Uint8Array][] = [
  ['q.jsonl', asLines(...ROWS)],
  ['q.json', JSON.stringify(ROWS)],
  ['q.tsv', separated('\t', '\n')],
  ['q.csv', separated(',', '\r\n')],
  ['q.parquet', parquet(ROWS.map(({ image }) => image))],
  ['bytes.parquet', parquet([PICTURES[0], PICTURES[1], PICTURES[0]])],
];
for (const [name, content] of FORMATS) {
  test(`questions and images come out of ${name} the same`, async () => {
    const benchmark = await loadOwn(next(), { ...CHOICE, splits: { test: { files: [name] } } }, { [name]: content });
    try {
      assert.deepEqual(
        benchmark.questions.slice(0, 2).map(({ text }) => text),
        PROMPTS,
      );
      assert.deepEqual(
        benchmark.questions.map(({ questionId }) => String(questionId)),
        ['7', '8', '1007'],
      );
      assert.deepEqual(
        benchmark.questions.map(({ index }) => benchmark.gold(index)),
        ['B', 'C', 'A'],
      );
      assert.deepEqual(
        benchmark.questions.map(({ index }) => benchmark.category!(index)),
        ['k', 'm', 'k'],
      );
      const names = benchmark.questions.map(({ image }) => image!);
      assert.equal(names[0], names[2], 'equal images are one');
      assert.notEqual(names[0], names[1]);
      for (const [i, picture] of [...PICTURES, PICTURES[0]!].entries()) {
        assert.deepEqual(Buffer.from(await benchmark.images.read(names[i]!)), picture);
      }
      assert.ok(await benchmark.images.stamp(names[1]!));
      const { scores, headline } = benchmark.score(['B', 'A', null])!;
      assert.deepEqual(
        { headline, scores },
        { headline: 'accuracy', scores: { accuracy: 100 * (1 / 3), 'accuracy/k': 50, 'accuracy/m': 0 } },
      );
    } finally {
      await benchmark.images.close();
    }
  });
}

/** A Parquet file of columns of text and a column "image" of records, as the hub's. */
function imageParquet(
  texts: Readonly<Record<string, string[]>>,
  images: readonly ({ bytes?: Uint8Array; path: string } | null)[],
): Uint8Array {
  const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8' };
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        ...Object.entries(texts).map(([name, data]) => ({ name, data })),
        { name: 'image', data: [...images] },
      ],
      schema: [
        { name: 'root', num_children: Object.keys(texts).length + 1 },
        ...Object.keys(texts).map((name) => ({ name, ...text, repetition_type: 'REQUIRED' })),
        { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
        { name: 'path', ...text, repetition_type: 'OPTIONAL' },
      ],
    } as Parameters<typeof parquetWriteBuffer>[0]),
  );
}

test('a Parquet file with image records, lists of options and indices as answers loads', async () => {
  const content = imageParquet(
    { question: ['Which?', 'Who?'], options: ["['a', \"b's\"]", "['x', 'y', 'z']"], answer: ['1', '2'] },
    PICTURES.map((bytes, i) => ({ bytes: new Uint8Array(bytes), path: `${i}.png` })),
  );
  const changes = {
    splits: { test: { files: ['q.parquet'] } },
    fields: { question: 'question', options: 'options', answer: 'answer' },
    answerIs: 'index',
    optionFormat: '({letter}) {option}',
    image: { column: 'image' },
    prompt: '{question}\n{options}',
    metric: 'choice',
  };
  const benchmark = await loadOwn(next(), changes, { 'q.parquet': content });
  try {
    assert.equal(benchmark.questions[0]!.text, "Which?\n(A) a\n(B) b's");
    assert.deepEqual([benchmark.gold(0), benchmark.gold(1)], ['B', 'C']);
    for (const [i, { image }] of benchmark.questions.entries()) {
      assert.deepEqual(Buffer.from(await benchmark.images.read(image!)), PICTURES[i]);
    }
  } finally {
    await benchmark.images.close();
  }
});

test('the process that reads a Parquet file ends with an error of its questions', async () => {
  const data = Array.from({ length: 600 }, (_, i) => `${i}`);
  const content = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'q', data, type: 'STRING' }] }));
  const changes = {
    splits: { none: { files: ['q.parquet'], where: { q: ['x'] } }, all: { files: ['q.parquet'] } },
    fields: { question: 'q', answer: 'q', category: 'q' },
  };
  const before = process.listenerCount('exit'); // each reader has one, which ends it with this process
  for (const [split, message] of [
    ['none', /q\.parquet has no questions for this split/],
    ['all', /600 categories in 600 questions/],
  ] as const) {
    await assert.rejects(loadOwn(next(), changes, { 'q.parquet': content }, { split }), { message });
    assert.equal(process.listenerCount('exit'), before, split);
  }
});

test('images are files of a folder or archive that a template names; text-only questions need none', async () => {
  const folder = next();
  await mkdir(join(folder, 'pictures'), { recursive: true });
  await writeFile(join(folder, 'pictures', 'a.png'), PICTURES[0]!);
  const questions = asLines({ q: 'One?', a: 'x', img: 'a' }, { q: 'Two?', a: ['y', 'z'] });
  const changes = { image: { file: '{img}.png', in: 'pictures' } };
  const benchmark = await loadOwn(folder, changes, { 'q.jsonl': questions });
  assert.deepEqual(
    benchmark.questions.map(({ image }) => image),
    ['a.png', null],
  );
  assert.deepEqual(Buffer.from(await benchmark.images.read('a.png')), PICTURES[0]);
  assert.deepEqual(benchmark.humanAnswers!(1), ['y', 'z']);
  await assert.rejects(
    loadOwn(next(), changes, { 'q.jsonl': questions }),
    /pictures does not exist, nor does .*pictures\.zip/,
  );
  const textOnly = await loadOwn(next(), {}, { 'q.jsonl': asLines({ q: 'One?', a: 'x' }) });
  assert.deepEqual(
    textOnly.questions.map(({ image }) => image),
    [null],
  );
  assert.equal(textOnly.questions[0]!.questionId, 0);
});

test('splits choose files, and rows of a file', async () => {
  const questions = asLines({ q: 'One?', a: 'x', s: 'dev' }, { q: 'Two?', a: 'y', s: 'test' });
  const splits = {
    dev: { files: ['q.jsonl'], where: { s: ['dev'] } },
    test: { files: ['q.jsonl'], where: { s: ['test'] }, scored: 'server' },
    both: { files: ['q.jsonl', 'more.json'], list: 'data' },
  };
  const files = { 'q.jsonl': questions, 'more.json': '{"data": [{"q": "Three?", "a": "z"}]}' };
  const dev = await loadOwn(next(), { splits }, files);
  assert.deepEqual([dev.split, dev.questions.map(({ text }) => text)], ['dev', ['One?']]);
  const served = await loadOwn(next(), { splits }, files, { split: 'test' });
  assert.deepEqual([served.gold(0), served.score(['y'])], [null, null]);
  await assert.rejects(loadOwn(next(), { splits }, files, { split: 'both' }), /q\.jsonl is not JSON/);
});

test('questions without an answer are asked and not scored', async () => {
  const questions = asLines({ q: 'One?', a: 'x' }, { q: 'Two?' }, { q: 'Three?', a: 'z' });
  const { score, gold, scoreOne } = await loadOwn(next(), {}, { 'q.jsonl': questions });
  const { scores, n, failed, perQuestion, notes } = score(['x', 'anything', null])!;
  assert.deepEqual([scores, n, failed, perQuestion], [{ accuracy: 50 }, 2, 1, [1, null, 0]]);
  assert.match(notes[0]!, /1 question has no right answer and is not scored/);
  assert.deepEqual([gold(1), scoreOne(1, 'x')], [null, null]);
});

const UNFIT: readonly [what: string, changes: object, files: Record<string, string>, message: RegExp][] = [
  [
    'a missing file',
    { source: 'Download it from example.org.' },
    {},
    /q\.jsonl does not exist\. Download it from example\.org/,
  ],
  [
    'a damaged file with the name of a missing one',
    { source: 'Download it from example.org.', splits: { test: { files: ['does not exist.csv'] } } },
    { 'does not exist.csv': 'q,a\n1,2,3\n' },
    /does not exist\.csv, row 1 has 3 fields, but there are 2 titles\.$/,
  ],
  [
    'a missing column of JSON',
    {},
    { 'q.jsonl': asLines({ x: 1 }) },
    /q\.jsonl has no "q" in any row, which .*task\.json names in fields\.question/,
  ],
  [
    'a missing column of CSV',
    { splits: { test: { files: ['q.csv'] } } },
    { 'q.csv': 'x,a\n1,2\n' },
    /has no column "q", which .*task\.json names in fields\.question\..* Its columns are x, a/,
  ],
  ['a row without a question', {}, { 'q.jsonl': asLines({ q: 'x', a: 'y' }, { a: 'z' }) }, /line 2 has no "question"/],
  ['an empty file', {}, { 'q.jsonl': '\n' }, /q\.jsonl has no questions/],
  ['rows that are no records', {}, { 'q.jsonl': '5' }, /line 1: a question must be a JSON object, not a number/],
  [
    'more cells than titles',
    { splits: { test: { files: ['q.csv'] } } },
    { 'q.csv': 'q,a\n1,2,3\n' },
    /row 1 has 3 fields, but there are 2 titles/,
  ],
  [
    'a quotation mark that is not closed',
    { splits: { test: { files: ['q.csv'] } } },
    { 'q.csv': 'q,a\n"x,2\n' },
    /quotation mark in it is not closed/,
  ],
  [
    'a quotation mark inside of a cell',
    { splits: { test: { files: ['q.csv'] } } },
    { 'q.csv': 'q,a\nx"y",2\n' },
    /not a valid row: Invalid Opening Quote/,
  ],
  [
    'an answer that is no letter',
    { metric: 'choice' },
    { 'q.jsonl': asLines({ q: 'x', a: 'Dog' }) },
    /line 1: the metric choice needs exactly one answer/,
  ],
  [
    'an index out of range',
    { fields: { question: 'q', answer: 'a', options: 'o' }, answerIs: 'index', metric: 'choice' },
    { 'q.jsonl': asLines({ q: 'x', a: 2, o: ['x', 'y'] }) },
    /line 1: the answer "2" is no position in 2 options, counted from 0/,
  ],
  [
    'an answer that is no option',
    { fields: { question: 'q', answer: 'a', options: 'o' }, answerIs: 'option', metric: 'choice' },
    { 'q.jsonl': asLines({ q: 'x', a: 'z', o: ['x', 'y'] }) },
    /line 1: the answer "z" is none of the options \["x","y"\]/,
  ],
  [
    'options that are no list',
    { fields: { question: 'q', answer: 'a', options: 'o' }, metric: 'choice' },
    { 'q.jsonl': asLines({ q: 'x', a: 'A', o: 'x, y' }) },
    /line 1: "o" is no list of options/,
  ],
  [
    'an answer beyond the options',
    { fields: { question: 'q', answer: 'a', options: ['A', 'B', 'C'] }, metric: 'choice' },
    { 'q.jsonl': asLines({ q: 'x', a: 'C', A: 'x', B: '', C: 'y' }) },
    /line 1: the right answer is C, but there is only 1 option: they end at the first empty one/,
  ],
  [
    'options that are records',
    { fields: { question: 'q', answer: 'a', options: 'o' }, metric: 'choice' },
    { 'q.jsonl': asLines({ q: 'x', a: 'A', o: [{ label: 'A', text: 'x' }] }) },
    /line 1: "o": item 1 of the list is a record with "label", "text"/,
  ],
  [
    'options in a record',
    { fields: { question: 'q', answer: 'a', options: 'o' }, metric: 'choice' },
    { 'q.jsonl': asLines({ q: 'x', a: 'A', o: { A: 'x' } }) },
    /line 1: "o" is no list of options/,
  ],
  [
    'answers that are records, as in VQAv2',
    { metric: 'vqa' },
    { 'q.jsonl': asLines({ q: 'x', a: Array.from({ length: 10 }, () => ({ answer: 'cat' })) }) },
    /line 1: "a": item 1 of the list is a record with "answer"\. The list must have texts or numbers/,
  ],
  ['an answer in a record', {}, { 'q.jsonl': asLines({ q: 'x', a: { text: 'y' } }) }, /"a" is a record.* "a\.text"/],
  ['null among answers', {}, { 'q.jsonl': asLines({ q: 'x', a: ['y', null] }) }, /item 2 of the list is null/],
  [
    'a list as NumPy writes it, without commas',
    { answerIs: 'list' },
    { 'q.jsonl': asLines({ q: 'x', a: "['y' 'z']" }) },
    /line 1: "a" is "\['y' 'z'\]", a list neither of JSON nor of Python/,
  ],
  [
    'an empty one among answers that need only be contained',
    { metric: 'substring' },
    { 'q.jsonl': asLines({ q: 'x', a: ['y', ' '] }) },
    /line 1: an empty right answer is contained in every answer by the metric substring; got "y"," "/,
  ],
  [
    'an empty one among answers to an open question',
    { metric: 'mmmu' },
    { 'q.jsonl': asLines({ q: 'x', a: ['y', ''] }) },
    /line 1: an empty right answer is contained in every answer by the metric mmmu/,
  ],
  [
    'a column that is there twice',
    { splits: { test: { files: ['q.csv'] } } },
    { 'q.csv': 'q,a,a\nx,1,2\n' },
    /q\.csv has two columns "a"/,
  ],
  [
    'a copy of no question',
    { circular: { column: 'g' } },
    { 'q.jsonl': asLines({ q: 'x', a: 'y', g: 1 }, { q: 'x', a: 'y' }, { q: 'z', a: 'y' }) },
    /line 2 has no "g", which circular\.column needs/,
  ],
  [
    'two categories with one name in scores',
    { fields: { question: 'q', answer: 'a', category: 'k' } },
    { 'q.jsonl': asLines({ q: 'x', a: 'y', k: 'a/b' }, { q: 'x', a: 'y', k: 'a-b' }) },
    /categories "a\/b" and "a-b" would have the same name/,
  ],
  [
    'as many categories as questions',
    { fields: { question: 'q', answer: 'a', category: 'q' } },
    { 'q.jsonl': asLines(...Array.from({ length: 600 }, (_, i) => ({ q: `${i}`, a: 'x' }))) },
    /600 categories in 600 questions/,
  ],
];
for (const [what, changes, files, message] of UNFIT) {
  test(`${what} is an error that names the place`, async () => {
    await assert.rejects(loadOwn(next(), changes, files), { name: 'UserError', message });
  });
}

test('a table of which a part is missing, or which is there in two versions, is an error', async () => {
  const part = (name: string) => ({ [name]: asLines({ q: name, a: 'y' }) });
  const load = (files: string, ...names: string[]) =>
    loadOwn(next(), { splits: { test: { files: [files] } } }, Object.assign({}, ...names.map(part)));
  const [first, second] = ['q-00000-of-00002.jsonl', 'q-00001-of-00002.jsonl'];
  assert.equal((await load('q-*.jsonl', first, second)).questions.length, 2);
  await assert.rejects(load('q-*.jsonl', second), {
    name: 'UserError',
    message: /: q-00000-of-00002\.jsonl is missing\.$/,
  });
  await assert.rejects(
    load('q-*', first, second, 'q-00000-of-00001.jsonl'),
    /q\.jsonl is there in 0000[12] and in 0000[12] parts/,
  );
  assert.equal((await load('q-00000-*', first)).questions.length, 1, 'the task asks for a part');
});

test('a file that two names fit is read once', async () => {
  const changes = { splits: { test: { files: ['q.jsonl', '*.jsonl'] } } };
  const { questions } = await loadOwn(next(), changes, { 'q.jsonl': asLines({ q: 'x', a: 'y' }) });
  assert.equal(questions.length, 1);
});

test('images in tables of the same name are different ones', async () => {
  const folder = next();
  const row = (image: string) => asLines({ q: 'x', a: 'y', i: image });
  for (const name of ['math', 'ocr']) await mkdir(join(folder, name), { recursive: true });
  const files = { 'math/test.jsonl': row(FIRST), 'ocr/test.jsonl': row(SECOND) };
  const changes = { splits: { test: { files: Object.keys(files) } }, image: { column: 'i' } };
  const { questions, images } = await loadOwn(folder, changes, files);
  assert.deepEqual(
    questions.map(({ image }) => image),
    ['math/test.jsonl#0', 'ocr/test.jsonl#0'],
  );
  for (const [i, picture] of PICTURES.entries()) {
    assert.deepEqual(Buffer.from(await images.read(questions[i]!.image!)), picture);
  }
});

test('rows that share an image by its id must have the same', async () => {
  const rows = [FIRST, FIRST, SECOND].map((i, n) => ({ q: 'x', a: 'y', i, document: n < 2 ? 1 : 2, page: 1 }));
  const load = (id: string[]) => loadOwn(next(), { image: { column: 'i', id } }, { 'q.jsonl': asLines(...rows) });
  const same = await load(['document', 'page']);
  assert.deepEqual(Buffer.from(await same.images.read(same.questions[1]!.image!)), PICTURES[0]);
  const other = await load(['page']);
  await assert.rejects(other.images.read(other.questions[0]!.image!), {
    name: 'ImageError',
    code: 'unreadable',
    message: /line 1 and .*line 3 have different images, but image\.id says that both are "1"/,
  });
});

test('an image column with paths alone fails when it is read, and is not taken for questions about text', async () => {
  const content = imageParquet({ q: ['x', 'y'] }, [{ path: 'a.png' }, null]);
  const changes = {
    splits: { test: { files: ['q.parquet'] } },
    fields: { question: 'q', answer: 'q' },
    image: { column: 'image' },
  };
  const { questions, images } = await loadOwn(next(), changes, { 'q.parquet': content });
  try {
    assert.equal(questions[1]!.image, null);
    await assert.rejects(images.read(questions[0]!.image!), /row 1: the image is neither bytes nor base64/);
  } finally {
    await images.close();
  }
});

test('answers that look like lists are told where they are taken as they are', async (t) => {
  const warnings = t.mock.method(console, 'error', () => {}).mock;
  const file = { 'q.csv': `q,a\nx,"['y', 'z']"\nx,[1]\n` };
  const splits = { test: { files: ['q.csv'] } };
  const { scoreOne } = await loadOwn(next(), { splits }, file);
  assert.equal(scoreOne(0, 'y'), 0);
  assert.match(
    String(warnings.calls[0]?.arguments[0]),
    /1 right answer is the text of a list, such as .*row 1: \['y', 'z'\]/,
  );
  const listed = await loadOwn(next(), { splits, answerIs: 'list' }, file);
  assert.deepEqual([listed.scoreOne(0, 'y'), warnings.callCount()], [1, 1]);
});

test('questions none of which has an image are asked with a warning', async (t) => {
  const warnings = t.mock.method(console, 'error', () => {}).mock;
  const changes = { image: { file: '{image?}', in: '.' } };
  await loadOwn(next(), changes, { 'q.jsonl': asLines({ q: 'x', a: 'y', image_file: 'a.png' }) });
  assert.match(String(warnings.calls[0]?.arguments[0]), /what "\{image\?\}" names is empty in every row/);
});

test('an image that is no base64 fails alone', async () => {
  const questions = asLines(
    { q: 'x', a: 'y', i: 'not base64!' },
    { q: 'x', a: 'y', i: `data:image/png;base64,${FIRST}` },
  );
  const { images, questions: asked } = await loadOwn(next(), { image: { column: 'i' } }, { 'q.jsonl': questions });
  await assert.rejects(images.read(asked[0]!.image!), {
    name: 'ImageError',
    code: 'unreadable',
    message: /line 1: the image is not base64/,
  });
  assert.deepEqual(Buffer.from(await images.read(asked[1]!.image!)), PICTURES[0]);
});
