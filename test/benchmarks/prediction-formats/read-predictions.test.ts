import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import type { LoadedBenchmark } from '../../../src/benchmarks/benchmark.js';
import { type PredictionSet, readPredictionFile } from '../../../src/benchmarks/prediction-formats/read-predictions.js';
import { BENCHMARKS } from '../../../src/benchmarks/registry.js';
import { sampleData } from '../../../src/evaluation/sample.js';
import { smallBenchmark } from '../small-benchmark.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-predictions-'));
after(() => rm(folder, { recursive: true }));

let files = 0;

/** Reads predictions whose file has this content. */
async function read(benchmark: LoadedBenchmark, content: string): Promise<PredictionSet> {
  const path = join(folder, `${files++}.txt.jsonl`);
  await writeFile(path, content);
  return readPredictionFile(path, benchmark);
}

/** Reads predictions from a folder of these files. */
async function readFolder(benchmark: LoadedBenchmark, contents: Record<string, string>): Promise<PredictionSet> {
  const path = join(folder, String(files++));
  await mkdir(path);
  for (const [name, content] of Object.entries(contents)) await writeFile(join(path, name), content);
  return readPredictionFile(path, benchmark);
}

function lines(...records: unknown[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

const SHORT = '\nAnswer the question using a single word or phrase.';

/** As model_vqa_loader.py writes it. */
function llava(question_id: string | number, prompt: string, text: string): object {
  return { question_id, prompt, text, answer_id: 'x', model_id: 'llava', metadata: {} };
}

const GQA = smallBenchmark('gqa', [{ questionId: '201' }, { questionId: '20' }, { questionId: '7' }]);

test('LLaVA answers are matched by id in any order, whether ids are strings or numbers', async () => {
  const set = await read(GQA, lines(llava(20, 'b', 'Two'), llava('201', 'a', 'One'), llava('7', 'c', '')));
  assert.deepEqual(set, {
    answers: ['One', 'Two', ''],
    format: 'LLaVA answers',
    duplicates: [],
    unknown: [],
    otherPrompts: [],
    byOrder: [],
    missing: [],
  });
});

test('the last answer to a question counts; unknown and missing ones are reported', async () => {
  const records = [llava('7', 'c', 'early'), llava('8', 'd', 'no such'), llava('7', 'c', 'late'), llava('8', 'd', 'x')];
  const set = await read(GQA, lines(...records));
  assert.deepEqual(set.answers, [null, null, 'late']);
  assert.deepEqual(set.duplicates, ['7']);
  assert.deepEqual(set.unknown, ['8']);
  assert.deepEqual(set.missing, [0, 1]);
});

test('answers may contain any text, including Unicode line separators', async () => {
  const text = 'a\u2028b\u0085c\u001c';
  const set = await read(GQA, `\ufeff${'{"question_id":"7","text":'}${JSON.stringify(text)}}\r\n\n`);
  assert.equal(set.answers[2], text);
  assert.equal(set.format, 'LLaVA answers without prompts');
});

const TEXTVQA = smallBenchmark('textvqa', [
  { questionId: 'aa', text: `What is this?\nReference OCR token: X, y${SHORT}` },
  { questionId: 'aa', text: `Is it open?\nReference OCR token: ${SHORT}` },
  { questionId: 'bb', text: `What is this?${SHORT}` },
]);

test('TextVQA: ids identify images, so the question is found in the prompt, whatever its form', async () => {
  const set = await read(
    TEXTVQA,
    lines(
      llava('aa', `Reference OCR token: X, y\nIs It open?${SHORT}`, 'behind'),
      llava('bb', 'OCR tokens: X. Question: What is\nthis? Short answer:', 'between'),
      llava('aa', `What is this?${SHORT}`, 'alone'),
      llava('bb', `Is it open?${SHORT}`, 'another image'),
    ),
  );
  assert.deepEqual(set.answers, ['alone', 'behind', 'between']);
  assert.deepEqual(set.unknown, ['bb']);
});

test('an id shared by two questions is an error without a prompt; an unambiguous one is not', async () => {
  assert.deepEqual((await read(TEXTVQA, lines({ question_id: 'bb', answer: 'sign' }))).answers, [null, null, 'sign']);
  await assert.rejects(read(TEXTVQA, lines({ question_id: 'aa', answer: 'sign' })), {
    name: 'UserError',
    message: /"aa" in the predictions is ambiguous: it has 2 questions/,
  });
});

test("OCR-VQA: the id may be the book's or the question's", async () => {
  const ocrVqa = smallBenchmark('ocrvqa', [
    { questionId: '014-0', text: `Who wrote it?${SHORT}` },
    { questionId: '014-1', text: `What is the title?${SHORT}` },
    { questionId: '015-0', text: `Who wrote it?${SHORT}` },
  ]);
  const ofBook = lines(llava('014', `What is the title?${SHORT}`, 'b'), llava('014', `Who wrote it?${SHORT}`, 'a'));
  assert.deepEqual((await read(ocrVqa, ofBook)).answers, ['a', 'b', null]);
  const ofQuestion = lines({ question_id: '014-1', answer: 'b' }, { question_id: '015-0', answer: 'c' });
  assert.deepEqual((await read(ocrVqa, ofQuestion)).answers, [null, 'b', 'c']);
});

const MME = smallBenchmark('mme', [
  { questionId: 'artwork/images/10.jpg', text: `Is this titled sorrow?${SHORT}` },
  { questionId: 'artwork/images/10.jpg', text: `Does it exist?${SHORT}` },
  { questionId: 'color/5.png', text: `Is there a red coat?${SHORT}` },
]);

test('MME: answers in the formats of LLaVA and LLaVA-HR', async () => {
  const set = await read(
    MME,
    lines(
      llava('artwork/images/10.jpg', `Does it exist?${SHORT}`, 'No'),
      llava('artwork/images/10.jpg', 'Is this titled sorrow?', 'Yes'),
      llava('color/5.png', 'Is there a red  coat?  Please answer yes or no.', 'no'),
    ),
  );
  assert.deepEqual(set.answers, ['Yes', 'No', 'no']);
});

test('questions that differ only in case are distinguished by identical prompts', async () => {
  const cases = ['Is it "A"?', 'Is it "a"?'].map((text) => ({ questionId: 'color/5.png', text: text + SHORT }));
  const answers = [llava('color/5.png', cases[1]!.text, 'no'), llava('color/5.png', cases[0]!.text, 'yes')];
  assert.deepEqual((await read(smallBenchmark('mme', cases), lines(...answers))).answers, ['yes', 'no']);
});

test('MME: the result files of its eval tool', async () => {
  const artwork = [
    'Does it exist? Please answer yes or no.\tYes\tYes, it\tdoes',
    'Is this titled sorrow? Please answer yes or no.\tNo\t',
  ];
  const set = await readFolder(MME, {
    'artwork.txt': artwork.map((line) => `10.txt\t${line}\n`).join(''),
    'color.txt': '5.png\tIs there a red coat?  Please answer yes or no.\tNo\tno\r\n',
  });
  assert.deepEqual(set.answers, ['', 'Yes, it\tdoes', 'no']);
  assert.equal(set.format, 'MME results');
  await assert.rejects(readFolder(MME, { 'color.txt': '\n5.png\tIs there a red coat?\tNo\n' }), {
    name: 'UserError',
    message: /color\.txt, line 2 must have four fields/,
  });
});

test('POPE: an id that has a different question in another edition is unknown', async () => {
  const pope = smallBenchmark('pope', [
    { questionId: 1, text: `Is there an orange in the imange?${SHORT}` },
    { questionId: 10000001, text: `Is there a dog in the image?${SHORT}` },
  ]);
  const orange = llava(1, `Is there an orange in the image?${SHORT}`, 'yes');
  const set = await read(pope, lines(orange, llava(10000001, `Is there a car in the image?${SHORT}`, 'no')));
  assert.deepEqual(set.answers, ['yes', null]);
  assert.deepEqual(set.unknown, [10000001]);
});

test('SEED-Bench: an answer counts for every row of its id', async () => {
  const seed = smallBenchmark('seed', [{ questionId: '49914' }, { questionId: 'v12' }, { questionId: '49914' }]);
  const set = await read(
    seed,
    lines(
      { question_id: 49914, prediction: 'B' },
      { question_id: 'v12', prediction: 'A' },
      { question_id: 49914, prediction: 'C' },
    ),
  );
  assert.deepEqual(set.answers, ['C', 'A', 'C']);
  assert.deepEqual(set.duplicates, [49914]);
});

const LISTS: readonly { format: string; benchmark: LoadedBenchmark; records: unknown[] }[] = [
  {
    format: 'VQA results',
    benchmark: smallBenchmark('vqav2', [{ questionId: 10 }, { questionId: 20 }]),
    records: [
      { question_id: 20, answer: 'b' },
      { question_id: 10, answer: 'a' },
    ],
  },
  {
    format: 'GQA predictions',
    benchmark: smallBenchmark('gqa', [{ questionId: '10' }, { questionId: '20' }]),
    records: [
      { questionId: '20', prediction: 'b' },
      { questionId: '10', prediction: 'a' },
    ],
  },
  {
    format: 'VizWiz results',
    benchmark: smallBenchmark('vizwiz', [{ image: 'VizWiz_val_00000001.jpg' }, { image: 'VizWiz_val_00000000.jpg' }]),
    records: [
      { image: 'VizWiz_val_00000000.jpg', answer: 'b' },
      { image: 'VizWiz_val_00000001.jpg', answer: 'a' },
    ],
  },
];
for (const { format, benchmark, records } of LISTS) {
  test(`${format} as a list on one line, on several lines, and as JSON lines`, async () => {
    for (const content of [JSON.stringify(records), JSON.stringify(records, null, 2), lines(...records)]) {
      const set = await read(benchmark, content);
      assert.deepEqual(set.answers, ['a', 'b']);
      assert.equal(set.format, format);
    }
  });
}

test('MM-Vet: answers by id, with the ids of mm-vet.json or of LLaVA', async () => {
  for (const prefix of ['v1_', '']) {
    const benchmark = smallBenchmark(
      'mmvet',
      [0, 1, 10].map((i) => ({ questionId: `${prefix}${i}` })),
    );
    const set = await read(benchmark, JSON.stringify({ v1_10: 'c', v1_0: 'a', v1_1: 'b' }, null, 4));
    assert.deepEqual(set.answers, ['a', 'b', 'c']);
    assert.deepEqual((await read(benchmark, lines(llava(10, 'x', 'z')))).answers, [null, null, 'z']);
  }
});

test('VizWiz: LLaVA numbers the images', async () => {
  const benchmark = smallBenchmark('vizwiz', [
    { questionId: 'VizWiz_test_00000000.jpg' },
    { questionId: 'VizWiz_test_00000120.jpg' },
  ]);
  assert.deepEqual((await read(benchmark, lines(llava(120, 'b', 'b'), llava(0, 'a', 'a')))).answers, ['a', 'b']);
});

const ROWS = smallBenchmark('gqa', [
  { questionId: '1', text: `Is it blue?${SHORT}` },
  { questionId: '2', text: `What is on the table?${SHORT}` },
]);

test('lmms-eval samples are matched by row if the questions agree, otherwise by question', async () => {
  const set = await read(
    ROWS,
    lines(
      { doc_id: 1, target: 'yes', filtered_resps: ['Cup'], input: `What is on  the table?${SHORT}` },
      { doc_id: 0, target: 'Yes', resps: [['No']], filtered_resps: ['no'], input: 'Think step by step: Is it blue?' },
    ),
  );
  assert.deepEqual(set.answers, ['no', 'Cup']);
  assert.equal(set.format, 'lmms-eval samples');
  const other = await read(ROWS, lines({ doc_id: 0, target: 'yes', resps: [['yes']] }, { doc_id: 2, resps: [['y']] }));
  assert.deepEqual(other.answers, ['yes', null]);
  assert.deepEqual(other.unknown, [2]);
  // In another order the questions tell; where they do not, it is an error.
  const moved = await read(ROWS, lines({ doc_id: 1, resps: [['x']], input: `Is it blue?${SHORT}` }));
  assert.deepEqual(moved.answers, ['x', null]);
  await assert.rejects(read(ROWS, lines({ doc_id: 0, target: 'cup', resps: [['x']] }, { doc_id: 1, resps: [['y']] })), {
    name: 'UserError',
    message: /Row 0 of .* has a different question than row 0 of gqa test/,
  });
});

test('rows that nothing can be compared with are refused', async () => {
  await assert.rejects(read(ROWS, lines({ doc_id: 0, resps: [['yes']] }, { doc_id: 1, resps: [['no']] })), {
    name: 'UserError',
    message: /has neither ids nor questions nor correct answers, so that its rows cannot be matched.*gqa test/,
  });
});

test('a row number beside an ambiguous id counts only if the correct answer agrees; otherwise that answer decides', async () => {
  const answers = ['red', 'blue'];
  const two = smallBenchmark('textvqa', [{ questionId: 'a' }, { questionId: 'a' }]);
  const benchmark = { ...two, gold: (row: number) => answers[row]! };
  const sample = (doc_id: number, target: string) => ({
    ...{ doc_id, target, resps: [[`${target}!`]] },
    acc: { question_id: 'a' },
  });
  assert.deepEqual((await read(benchmark, lines(sample(0, 'red'), sample(1, 'blue')))).answers, ['red!', 'blue!']);
  // The rows of another edition, in another order.
  assert.deepEqual((await read(benchmark, lines(sample(0, 'blue'), sample(1, 'red')))).answers, ['red!', 'blue!']);
});

test('ids beyond 2^53 are refused instead of rounded', async () => {
  const content = lines(llava(1, 'a', 'x')).replace('"question_id":1', '"question_id":9007199254740993');
  await assert.rejects(read(GQA, content), { message: /line 1: question_id must be <= 9007199254740991/ });
  const sample = lines({ doc_id: 0, resps: [['x']], acc: { question_id: 7 } }).replace(':7', ':12345678901234567890');
  await assert.rejects(read(GQA, sample), { message: /question id 12345678901234567000 is no integer below 2\^53/ });
});

test("llavahr's own predictions: by row where id and question agree, otherwise by id; null means unanswered", async () => {
  const seed = smallBenchmark('seed', [
    { questionId: 5, text: 'same' },
    { questionId: 5, text: 'same' },
    { questionId: 6, text: 'other' },
    { questionId: 7, text: 'last' },
  ]);
  const set = await read(
    seed,
    lines(
      { index: 1, question_id: 5, prompt: 'same', text: 'B' },
      { index: 0, question_id: 5, prompt: 'same', text: 'A' },
      { index: 3, question_id: 6, prompt: 'other', text: 'C' },
      { index: 3, question_id: 7, prompt: 'last', text: null, error: { code: 'missing', message: '' } },
    ),
  );
  assert.deepEqual(set.answers, ['A', 'B', 'C', null]);
  assert.deepEqual([set.missing, set.duplicates, set.format], [[], [], 'llavahr predictions']);
});

test("folders: LLaVA's chunks, its merged file if there is one, llavahr's run folder, a single file", async () => {
  const part = (id: string) => lines(llava(id, 'x', `answer ${id}`));
  const chunks = { '3_0.jsonl': part('201'), '3_1.jsonl': part('20'), '3_2.jsonl': part('7') };
  assert.deepEqual((await readFolder(GQA, chunks)).answers, ['answer 201', 'answer 20', 'answer 7']);
  assert.deepEqual((await readFolder(GQA, { ...chunks, 'merge.jsonl': part('7') })).missing, [0, 1]);
  assert.deepEqual((await readFolder(GQA, { 'predictions.jsonl': part('7'), 'run.json': '{}' })).missing, [0, 1]);
  assert.deepEqual((await readFolder(GQA, { 'any.json': `[${part('7')}]`, 'read.me': '' })).missing, [0, 1]);
  const last = await readFolder(GQA, { '1_9.jsonl': part('7'), '1_10.jsonl': lines(llava('7', 'x', 'later')) });
  assert.equal(last.answers[2], 'later');
});

const BROKEN_FOLDERS: readonly { what: string; contents: Record<string, string>; message: RegExp }[] = [
  {
    what: 'chunks of two runs',
    contents: { '2_0.jsonl': '', '4_1.jsonl': '' },
    message: /chunks of several runs: 2_0/,
  },
  { what: 'two files', contents: { 'a.jsonl': '', 'b.json': '' }, message: /several files: a\.jsonl, b\.json/ },
  { what: 'nothing', contents: { 'a.md': '' }, message: /no \.jsonl, \.json, \.csv, \.tsv or \.xlsx files/ },
  {
    what: 'chunks of two formats',
    contents: { '1_0.jsonl': lines(llava('7', 'x', 'y')), '1_1.jsonl': lines({ question_id: '7', answer: 'y' }) },
    message: /1_1\.jsonl contains VQA results, but .*1_0\.jsonl contains LLaVA answers/,
  },
];
for (const { what, contents, message } of BROKEN_FOLDERS) {
  test(`a folder with ${what} is an error`, async () => {
    await assert.rejects(readFolder(GQA, contents), { name: 'UserError', message });
  });
}

const BROKEN: readonly { what: string; content: string; message: RegExp }[] = [
  { what: 'an empty file', content: '\n', message: /is empty/ },
  { what: 'a truncated last line', content: `${lines(llava('7', 'x', 'y'))}{"quest`, message: /line 2 is not JSON/ },
  { what: 'a truncated first line', content: '{"quest', message: /\.jsonl is not JSON/ },
  {
    what: 'a broken line among others',
    content: `${lines(llava('7', 'x', 'y'))}{"quest\n${lines(llava('20', 'x', 'y'))}`,
    message: /line 2 is not JSON/,
  },
  {
    what: 'a broken line before others',
    content: `{"quest\n${lines(llava('7', 'x', 'y'))}`,
    message: /line 1 is not JSON/,
  },
  {
    what: 'a line of another kind',
    content: lines(llava('7', 'x', 'y'), { a: 1 }),
    message: /line 2: .*'question_id'/,
  },
  {
    what: 'an answer that is no text',
    content: '[{"question_id":1,"answer":[2]}]',
    message: /record 1: answer must be string/,
  },
  {
    what: 'fields of no format',
    content: '{"id":1,"output":"x"}',
    message: /looks like JSON with the fields "id", "output"\. Accepted formats:/,
  },
  {
    what: 'lines of no format',
    content: lines({ id: 1, guess: 'x' }, { id: 2, guess: 'y' }),
    message: /looks like JSON lines with the fields "id", "guess"\. Accepted formats:/,
  },
  { what: 'an empty list', content: '[]', message: /looks like JSON without records/ },
  { what: 'an empty list of responses', content: lines({ doc_id: 1, resps: [[]] }), message: /line 1: resps/ },
  {
    what: 'answers to another benchmark',
    content: lines(llava('v1_0', 'x', 'y')),
    message:
      /answers none of the 3 questions of gqa test\. Its ids look like "v1_0"; the benchmark's look like "201", "20", "7"/,
  },
];
for (const { what, content, message } of BROKEN) {
  test(`${what} is an error that gives the position`, async () => {
    await assert.rejects(read(GQA, content), { name: 'UserError', message });
  });
}

test('a file that does not exist is an error', async () => {
  await assert.rejects(readPredictionFile(join(folder, 'none.jsonl'), GQA), {
    name: 'UserError',
    message: /none\.jsonl does not exist/,
  });
});

for (const definition of BENCHMARKS) {
  test(`${definition.name}: LLaVA's answers to every question of the sample come back`, async () => {
    const benchmark = await definition.load(sampleData(definition.name), { protocol: 'llava', images: false });
    const { questions } = benchmark;
    const set = await read(
      benchmark,
      lines(...questions.map(({ index, questionId, text }) => llava(questionId, text, `answer ${index}`)).reverse()),
    );
    assert.deepEqual(
      set.answers,
      questions.map(({ index }) => `answer ${index}`),
    );
    assert.deepEqual([set.missing, set.unknown, set.duplicates], [[], [], []]);
  });
}
