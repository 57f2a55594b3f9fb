import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { LoadedBenchmark } from '../../../src/benchmarks/benchmark.js';
import { readPredictionFile } from '../../../src/benchmarks/prediction-formats/read-predictions.js';
import { findBenchmark } from '../../../src/benchmarks/registry.js';
import { sampleData } from '../../../src/evaluation/sample.js';
import { makeZip } from '../../fetch/zips.js';
import { fixture } from '../../fixtures.js';
import { smallBenchmark } from '../small-benchmark.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-formats-'));
after(() => rm(folder, { recursive: true }));

let files = 0;

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, String(files++), name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

const sample = (name: string) => findBenchmark(name).load(sampleData(name), { protocol: 'llava', images: false });
const textVqa = await sample('textvqa');
const right = textVqa.questions.map(({ index }) => textVqa.gold(index)!);
const lines = (records: readonly object[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');

// The files are what VLMEvalKit's dump (pandas 3.0, XlsxWriter) makes of predictions to the embedded sample.
const VLMEVALKIT = ['xlsx', 'tsv', 'json'].map((ending) => fixture(`predictions/llava_TextVQA_VAL.${ending}`));
const ofVlmEvalKit = right.with(3, 'a "quoted"\nline\tand tab  ').with(4, '').with(6, '=1+1').with(7, '007');
const expected = [...ofVlmEvalKit.slice(0, 5), null, ...ofVlmEvalKit.slice(6)].with(
  8,
  'caf\u00e9 \u2028 \u{1F600} & <b>',
);

for (const path of VLMEVALKIT) {
  test(`VLMEvalKit's table: .${path.split('.').at(-1)}; a failed request counts as unanswered`, async () => {
    const { answers, format, missing } = await readPredictionFile(path, textVqa);
    assert.deepEqual(answers, expected);
    assert.deepEqual([format, missing], ['VLMEvalKit predictions', []]);
  });
}

test("VLMEvalKit's rows in a different order are matched by question and correct answer", async () => {
  const rows = JSON.parse(await readFile(VLMEVALKIT[2]!, 'utf8')) as object[];
  const path = await write('x_TextVQA_VAL.json', JSON.stringify(rows.reverse()));
  assert.deepEqual((await readPredictionFile(path, textVqa)).answers, expected);
});

const answerLines = lines(right.map((answer, i) => ({ question_id: textVqa.sourceId!(i), answer })));

for (const [what, name, content] of [
  ['gzip', 'a.jsonl.gz', gzipSync(answerLines)],
  ['a byte order mark', 'a.jsonl', `\ufeff${answerLines}`],
  ['UTF-16, as PowerShell writes it', 'a.jsonl', Buffer.from(`\ufeff${answerLines}`, 'utf16le')],
  ['UTF-16, big-endian', 'a.jsonl', Buffer.from(`\ufeff${answerLines}`, 'utf16le').swap16()],
  ['UTF-16 without a mark', 'a.jsonl', Buffer.from(answerLines, 'utf16le')],
  ['gzip of UTF-16', 'a.jsonl.gz', gzipSync(Buffer.from(`\ufeff${answerLines}`, 'utf16le'))],
  ['Windows line ends', 'a.jsonl', answerLines.replaceAll('\n', '\r\n')],
] as const) {
  test(`${what}; TextVQA's own question ids`, async () => {
    const set = await readPredictionFile(await write(name, content), textVqa);
    assert.deepEqual(set.answers, right);
  });
}

for (const [looks, content] of [
  ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n'],
  ['an HTML page', '<!DOCTYPE html><html><body>Sign in</body></html>'],
  ['a Python pickle', Buffer.from([0x80, 4, 0x95, 0, 0])],
  ['a Parquet file', 'PAR1...'],
  ['a zip archive', Buffer.from([0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0])],
  ['a gzip file of a Python pickle', gzipSync(Buffer.from([0x80, 4, 0x95, 0, 0]))],
  ['a binary file', Buffer.from([1, 2, 0, 3, 4, 5, 6])],
] as const) {
  test(`the error names ${looks}`, async () => {
    await assert.rejects(readPredictionFile(await write('a.jsonl', content), textVqa), {
      name: 'UserError',
      message: new RegExp(`a\\.jsonl is ${looks}`),
    });
  });
}

test('NaN and null next to the answer, null as the answer, and numbers as answers', async () => {
  const benchmark = smallBenchmark('gqa', [{ questionId: '1' }, { questionId: '2' }, { questionId: '3' }]);
  const path = await write(
    'a.jsonl',
    '{"question_id": 1, "prompt": null, "text": "NaN: \\"NaN\\"", "metadata": {"logprob": NaN, "x": [-Infinity, NaN]}}\n' +
      '{"question_id": 2, "prompt": "", "text": null}\n{"question_id": "3", "prompt": "x", "text": 12}\n',
  );
  const set = await readPredictionFile(path, benchmark);
  assert.deepEqual(set.answers, ['NaN: "NaN"', null, '12']);
  assert.deepEqual(set.missing, []);
});

test('a truncated last line is an error that names it, and is skipped on request', async () => {
  const benchmark = smallBenchmark('gqa', [{ questionId: '1' }, { questionId: '2' }]);
  const path = await write('a.jsonl', `${lines([{ question_id: 1, text: 'a' }])}\n{"question_id": 2, "te`);
  await assert.rejects(readPredictionFile(path, benchmark), {
    message: /a\.jsonl, line 3 is not JSON.*--allow-partial/,
  });
  const set = await readPredictionFile(path, benchmark, { allowTornLine: true });
  assert.deepEqual([set.answers, set.missing], [['a', null], [1]]);
  assert.match(set.tornLine!, /a\.jsonl, line 3$/);
});

test('ids that several questions share: a prompt or question beside the answer tells which', async () => {
  for (const [question, answer] of [
    ['question', 'answer'],
    ['question', 'text'],
    ['prompt', 'prediction'],
    ['prompt', 'response'],
  ] as const) {
    const records = textVqa.questions.map(({ index, questionId, text }) => ({
      ...{ question_id: questionId, [question]: text.split('\n')[0], [answer]: right[index] },
    }));
    const path = await write('a.jsonl', lines(records.reverse()));
    assert.deepEqual((await readPredictionFile(path, textVqa)).answers, right);
  }
});

test('in a record with a prediction, "answer" is the correct answer', async () => {
  const benchmark = smallBenchmark('gqa', [{ questionId: '1' }, { questionId: '2' }]);
  for (const field of ['prediction', 'pred', 'response', 'output', 'model_answer']) {
    const records = ['no', 'maybe'].map((text, i) => ({ question_id: i + 1, answer: 'yes', [field]: text }));
    assert.deepEqual((await readPredictionFile(await write('a.jsonl', lines(records)), benchmark)).answers, [
      'no',
      'maybe',
    ]);
  }
});

test("GQA's id counts beside a question and the correct answer too", async () => {
  const gqa = smallBenchmark('gqa', [{ questionId: '7' }, { questionId: '8' }]);
  const records = ['8', '7'].map((questionId) => ({
    questionId,
    question: 'x',
    answer: 'yes',
    prediction: questionId,
  }));
  const set = await readPredictionFile(await write('a.json', JSON.stringify(records)), gqa);
  assert.deepEqual([set.answers, set.format], [['7', '8'], 'GQA predictions']);
});

test('both output files of eval_science_qa.py; FAILED marks a question without a prediction', async () => {
  const benchmark = smallBenchmark('scienceqa', [{ questionId: '11' }, { questionId: '2' }, { questionId: '3' }]);
  const result = {
    acc: 1,
    correct: 1,
    count: 3,
    results: { 2: 0, 3: -1, 11: 1 },
    outputs: { 2: 'A', 3: 'FAILED', 11: 'B. x' },
  };
  const analysis = (question_id: string, pred: string, question = 'Q <image>') => {
    return { question_id, parsed_ans: 'A', ground_truth: 'A', question, pred, is_multimodal: true };
  };
  const output = {
    correct: [analysis('2', 'A')],
    incorrect: [analysis('11', 'B. x'), analysis('3', 'FAILED', 'Unknown')],
  };
  for (const [name, value] of [
    ['a_result.json', result],
    ['a_output.jsonl', output],
  ] as const) {
    const set = await readPredictionFile(await write(name, JSON.stringify(value, null, 2)), benchmark);
    assert.deepEqual([set.answers, set.missing], [['B. x', 'A', null], [2]]);
  }
});

test("POPE's own answers: one category's file or all, recognised by the order of questions", async () => {
  const pope = await sample('pope');
  const answer = ({ index, text }: { index: number; text: string }) => ({
    question: text.split('\n')[0],
    answer: pope.gold(index),
  });
  const random = pope.questions.filter(({ index }) => pope.category!(index) === 'random');
  const part = await readPredictionFile(await write('answers.json', lines(random.map(answer))), pope);
  assert.deepEqual(
    part.missing,
    pope.questions.map(({ index }) => index).filter((index) => pope.category!(index) !== 'random'),
  );
  const whole = await readPredictionFile(await write('answers.json', lines(pope.questions.map(answer))), pope);
  assert.deepEqual(
    whole.answers,
    pope.questions.map(({ index }) => pope.gold(index)),
  );
});

test('POPE: answers to a reworded prompt are matched by id', async () => {
  const pope = await sample('pope');
  for (const prompt of ['', '<image>\n', 'Q: ']) {
    const records = pope.questions.map(({ questionId, text, index }) => ({
      question_id: questionId,
      prompt: prompt && prompt + text,
      text: pope.gold(index),
    }));
    assert.deepEqual((await readPredictionFile(await write('a.jsonl', lines(records)), pope)).missing, []);
  }
});

/** What lmms-eval's tasks put beside the answer. Source: process_results in lmms_eval/tasks */
const CARRIED: Record<string, (id: string | number, row: number) => object> = {
  seed: (question_id) => ({ seed_all: { pred: 'A', answer: 'B', question_id }, seed_image: { question_id } }),
  mme: (question_id) => ({ mme_perception_score: { question_id, category: 'color', score: 1 } }),
  textvqa: (_, row) => ({ exact_match: 1, submission: { question_id: textVqa.sourceId!(row), answer: 'processed' } }),
  vizwiz: (_, row) => ({
    submission: { image: `VizWiz_val_${String(row).padStart(8, '0')}.jpg.jpg`, answer: 'processed' },
  }),
  okvqa: (question_id) => ({ submission: { image: `${question_id}.jpg`, answer: 'processed' } }),
  vqav2: (question_id) => ({ submission: { question_id, answer: 'processed' } }),
  pope: (id) => ({ pope_accuracy: { question_id: Number(id) % 10_000_000, score: 1, prediction: 'yes' } }),
  mmvet: (id) => ({ gpt_eval_score: { question_id: `v1_${id}`, pred_answer: 'x', score: 0.5 } }),
  gqa: (id) => ({ doc: { id, imageId: 'n1', question: 'x' }, exact_match: 1 }),
};
for (const [name, carried] of Object.entries(CARRIED)) {
  test(`lmms-eval's samples of ${name} in a different order are matched by their ids`, async () => {
    const benchmark = await sample(name);
    const records = benchmark.questions.map(({ index, questionId, text }) => ({
      doc_id: index,
      target: benchmark.gold(index) ?? '',
      filtered_resps: [`answer ${index}`],
      input: text,
      ...carried(questionId, index),
    }));
    const shuffled = [...records.filter((_, i) => i % 2 === 0), ...records.filter((_, i) => i % 2 === 1)];
    const moved = shuffled.map((record, doc_id) => ({ ...record, doc_id }));
    const set = await readPredictionFile(await write('a.jsonl', lines(moved)), benchmark);
    assert.deepEqual([set.missing, set.unknown], [[], []]);
    if (name !== 'pope' && name !== 'seed')
      assert.deepEqual(
        set.answers,
        records.map((_, i) => `answer ${i}`),
      );
  });
}

test("lmms-eval's samples of the ScienceQA questions with an image, and of all questions", async () => {
  const benchmark = await sample('scienceqa');
  const withImage = benchmark.questions.filter(({ image }) => image !== null);
  const records = withImage.map(({ index, text }, doc_id) => ({
    doc_id,
    target: benchmark.gold(index)![0],
    input: text,
    filtered_resps: `answer ${index}`,
  }));
  const set = await readPredictionFile(await write('a.jsonl', lines(records)), benchmark);
  assert.deepEqual(
    set.answers.filter((answer) => answer !== null),
    withImage.map(({ index }) => `answer ${index}`),
  );
});

test("lmms-eval's uploads for a server, alone and beside the log", async () => {
  const vizWiz = await sample('vizwiz');
  const okVqa = await sample('okvqa');
  for (const [benchmark, name, image] of [
    [vizWiz, 'vizwiz_vqa-test-submission-2026-0806-1011-12.json', (row: number) => vizWiz.questions[row]!.image],
    [okVqa, 'ok_vqa-test-submission-2026-0806-1011-12.json', (row: number) => okVqa.questions[row]!.questionId],
  ] as const) {
    const upload = benchmark.questions.map(({ index }) => ({
      image: `${image(index)}.jpg`,
      answer: `answer ${index}`,
    }));
    const path = await write(`out/submissions/${name}`, JSON.stringify(upload));
    for (const place of [path, dirname(dirname(path))]) {
      assert.deepEqual((await readPredictionFile(place, benchmark)).answers, rowAnswers(benchmark));
    }
  }
  const upload = textVqa.questions.map(({ index }) => ({ question_id: textVqa.sourceId!(index), answer: 'processed' }));
  const path = await write('out/submissions/textvqa_submission_2026-08-06-10-11-12.json', JSON.stringify(upload));
  const samples = textVqa.questions.map(({ index }) => ({
    ...{ doc_id: index, filtered_resps: `answer ${index}`, submission: { question_id: textVqa.sourceId!(index) } },
  }));
  const model = join(dirname(dirname(path)), 'llava__v1.5');
  await mkdir(model);
  await writeFile(join(model, '20260806_101112_samples_textvqa_val.jsonl'), lines(samples));
  assert.deepEqual((await readPredictionFile(dirname(model), textVqa)).answers, rowAnswers(textVqa));
});

test("lmms-eval's older log format, and finding a benchmark's file in its output folder", async () => {
  const log = {
    args: { model: 'llava' },
    model_configs: { task: 'textvqa_val' },
    logs: textVqa.questions.map(({ index, text }) => ({
      doc_id: index,
      doc: { question_id: textVqa.sourceId!(index), question: text },
      target: '[]',
      arguments: [[text, { max_new_tokens: 16 }, 'doc_to_visual', index]],
      resps: [[right[index]]],
      filtered_resps: [right[index]],
      exact_match: 1,
    })),
    time: '0101_0000',
  };
  const path = await write('0101_llava/textvqa_val.json', JSON.stringify(log, null, 4));
  assert.deepEqual((await readPredictionFile(path, textVqa)).answers, right);
  await writeFile(join(dirname(path), 'results.json'), '{"results": {}}');
  await writeFile(join(dirname(path), 'pope.json'), '{"logs": []}');
  assert.deepEqual((await readPredictionFile(dirname(path), textVqa)).answers, right);

  const sampleLines = lines(
    log.logs.map(({ doc_id, doc: { question_id }, filtered_resps }) => ({
      doc_id,
      filtered_resps,
      submission: { question_id },
    })),
  );
  const newer = await write('out/llava__v1.5/20260806_101112_samples_textvqa_val.jsonl', sampleLines);
  await writeFile(join(dirname(newer), '20260806_101112_results.json'), '{}');
  await writeFile(join(dirname(newer), '20260806_101112_samples_gqa.jsonl'), '');
  assert.deepEqual((await readPredictionFile(dirname(dirname(newer)), textVqa)).answers, right);
  await writeFile(join(dirname(newer), '20260807_101112_samples_textvqa_val.jsonl'), sampleLines);
  await assert.rejects(readPredictionFile(dirname(dirname(newer)), textVqa), {
    message: /several files: .*samples_textvqa_val/,
  });
});

/** A row of VLMEvalKit's table for each question; the answer tells which. */
const vlmEvalKitRows = (benchmark: LoadedBenchmark, more: (row: number) => object = () => ({})): object[] =>
  benchmark.questions.map(({ index, text }) => ({
    ...{ index, question: text, prediction: `answer ${index}` },
    ...more(index),
  }));
const rowAnswers = (benchmark: LoadedBenchmark): string[] => benchmark.questions.map((_, i) => `answer ${i}`);

test('rows without ids in another order: none is given the answer of another image', async () => {
  for (const name of ['pope', 'mme', 'gqa', 'textvqa', 'vqav2', 'okvqa', 'ocrvqa', 'vizwiz', 'mmvet']) {
    const benchmark = await sample(name);
    const path = await write('x.json', JSON.stringify(vlmEvalKitRows(benchmark).reverse()));
    await assert.rejects(readPredictionFile(path, benchmark), { message: /occur several times in/ }, name);
  }
  // A person's ten answers may differ where the most frequent one is the same.
  const vqaV2 = await sample('vqav2');
  const withAnswer = vlmEvalKitRows(vqaV2, (row) => ({ answer: vqaV2.gold(row) })).reverse();
  await assert.rejects(readPredictionFile(await write('x.json', JSON.stringify(withAnswer)), vqaV2), {
    message: /occur several times in/,
  });
});

test('rows without ids in another order are shared out among questions that score alike, which is said', async () => {
  const gqa = await sample('gqa');
  const right = vlmEvalKitRows(gqa, (row) => ({ answer: gqa.gold(row), prediction: row % 3 ? gqa.gold(row) : 'no' }));
  const scores = await Promise.all(
    [right, right.toReversed()].map(async (rows) => {
      const set = await readPredictionFile(await write('x.json', JSON.stringify(rows)), gqa);
      return { byOrder: set.byOrder.length, accuracy: gqa.score(set.answers)!.scores['accuracy'] };
    }),
  );
  assert.equal(scores[0]!.byOrder, 0);
  assert.ok(scores[1]!.byOrder > 0);
  assert.equal(scores[1]!.accuracy, scores[0]!.accuracy);
});

test('rows are not shared out among questions that count in the score in different ways', async () => {
  const ask = (images: (string | null)[]) => [
    ...images.map((image) => ({ image, text: 'Q?' })),
    { image: '3.jpg', text: 'R?' },
  ];
  const alike = smallBenchmark('gqa', ask(['0.jpg', '1.jpg', '2.jpg']));
  const rows = alike.questions.map(({ text }, i) => ({ question: text, answer: 'yes', prediction: `answer ${i}` }));
  const path = await write('x.json', JSON.stringify(rows.reverse()));
  assert.equal((await readPredictionFile(path, alike)).byOrder.length, 3);
  for (const benchmark of [
    { ...alike, scoreOne: (row: number) => (row === 0 ? null : 1) },
    { ...alike, isScoredInGroups: true },
    smallBenchmark('scienceqa', ask(['0.jpg', '1.jpg', null])),
  ]) {
    await assert.rejects(readPredictionFile(path, benchmark), { message: /occur several times/ });
  }
  const inGroups = await Promise.all(['mme', 'mmbench', 'gqa'].map(sample));
  assert.deepEqual(
    inGroups.map(({ isScoredInGroups }) => isScoredInGroups ?? false),
    [true, true, false],
  );
});

test('a question that thousands of rows without ids ask takes no time for each pair of them', async () => {
  const text = 'What is it?\nAnswer in a word.';
  const questions = Array.from({ length: 3000 }, (_, i) => ({ text, image: `${i}.jpg` }));
  const records = questions.map((_, i) => ({ question: 'What is it?', answer: 'yes', prediction: `answer ${i}` }));
  const path = await write('a.json', JSON.stringify([...records.slice(1), { ...records[0], question: 'What?' }]));
  const start = performance.now();
  const reading = readPredictionFile(path, smallBenchmark('vqav2', questions));
  await assert.rejects(reading, { message: /occur several times in vqav2/ });
  assert.ok(performance.now() - start < 10_000); // comparing each pair took 30 s
});

test("VLMEvalKit's MME in another order: image and category tell equal questions apart", async () => {
  const mme = await sample('mme');
  const rows = vlmEvalKitRows(mme, (row) => {
    const { image } = mme.questions[row]!;
    return { answer: mme.gold(row), category: mme.category!(row), image_path: `images/${image!.split('/').at(-1)}` };
  });
  const set = await readPredictionFile(await write('x_MME.json', JSON.stringify(rows.reverse())), mme);
  assert.deepEqual(set.answers, rowAnswers(mme));
});

test('human answers in a list as Python or JSON writes it, with escapes', async () => {
  const human = [`it's 5"`, String.raw`back\slash`, 'a\tb', 'caf\u00e9', '\u00c9\u00a0x', '?'];
  const questions = ['0.jpg', '1.jpg'].map((image) => ({ image, text: 'Q?' }));
  const benchmark = { ...smallBenchmark('textvqa', questions), humanAnswers: () => human };
  const lists = [
    String.raw`['it\'s 5"', 'back\\slash', 'a\tb', 'caf\u00e9', '\u00c9\xa0x', '?']`,
    JSON.stringify(human),
    String.raw`["it's 5\"", "back\\slash", "a\tb", "caf\u00E9", "\u00C9\u00a0x", "?"]`,
  ];
  for (const answer of lists) {
    const rows = [0, 1].map((index) => ({ index, question: 'Q?', answer, prediction: `answer ${index}` }));
    const set = await readPredictionFile(await write('x.json', JSON.stringify(rows)), benchmark);
    assert.deepEqual([set.answers, set.byOrder], [rowAnswers(benchmark), []], answer);
  }
  const others = [
    { index: 0, question: 'Q?', answer: JSON.stringify([...human.slice(1), "it's 55"]), prediction: 'x' },
  ];
  await assert.rejects(readPredictionFile(await write('x.json', JSON.stringify(others)), benchmark), {
    message: /occur several times/,
  });
});

test("VLMEvalKit's POPE has one row for a question of several categories", async () => {
  const texts = ['dog', 'dog', 'cat'].map((what) => `Is there a ${what} in the image?\nShort.`);
  const categories = ['adversarial', 'random', 'random'];
  const questions = texts.map((text, i) => ({ questionId: i, text, image: i === 2 ? 'b.jpg' : 'a.jpg' }));
  const pope = { ...smallBenchmark('pope', questions), category: (row: number) => categories[row]! };
  const rows = [
    { index: 0, question: 'Is there a cat in the image?', answer: 'Yes', category: 'random', prediction: 'No' },
    {
      index: 1,
      question: 'Is there a dog in the image?',
      answer: 'Yes',
      category: 'adversarial,random',
      prediction: 'Yes',
    },
  ];
  const set = await readPredictionFile(await write('x_POPE.json', JSON.stringify(rows)), pope);
  assert.deepEqual(set.answers, ['Yes', 'Yes', 'No']);
});

test("lmms-eval's samples of one of POPE's categories answer that one alone; a folder has all three", async () => {
  const pope = await sample('pope');
  const tasks = { adversarial: 'pope_adv', popular: 'pope_pop', random: 'pope_random' };
  const rowsOf = (category: string) => pope.questions.filter(({ index }) => pope.category!(index) === category);
  const paths = await Promise.all(
    Object.entries(tasks).map(([category, task]) => {
      const samples = rowsOf(category).map(({ index, text }, doc_id) => ({
        ...{ doc_id, target: pope.gold(index), filtered_resps: `answer ${index}`, input: text },
        pope_accuracy: { question_id: pope.sourceId!(index), score: 1 },
      }));
      return write(`../pope/llava/20260806_101112_samples_${task}.jsonl`, lines(samples));
    }),
  );
  const alone = await readPredictionFile(paths[0]!, pope);
  assert.deepEqual(
    alone.answers.flatMap((answer) => answer ?? []),
    rowsOf('adversarial').map(({ index }) => `answer ${index}`),
  );
  assert.deepEqual((await readPredictionFile(dirname(dirname(paths[0]!)), pope)).answers, rowAnswers(pope));
});

test("lmms-eval's samples of POPE's question of several categories: each answers its own, or one that no other answers", async () => {
  const pope = await sample('pope');
  for (const idOf of [pope.sourceId!, (row: number) => pope.questions[row]!.questionId]) {
    const samples = pope.questions.map(({ index, text }) => ({
      ...{ doc_id: index, target: pope.gold(index), filtered_resps: `answer ${index}`, input: text },
      pope_accuracy: { question_id: idOf(index), score: 1 },
    }));
    const { answers, duplicates } = await readPredictionFile(await write('a.jsonl', lines(samples)), pope);
    assert.deepEqual([answers, duplicates], [rowAnswers(pope), []]);
  }
});

test('the error tells when ids are known, but their prompts have other questions', async () => {
  const records = textVqa.questions.map(({ questionId }) => ({
    ...{ question_id: questionId, prompt: 'Answer in one word.', text: 'x' },
  }));
  await assert.rejects(readPredictionFile(await write('a.jsonl', lines(records)), textVqa), {
    message: /It has ids of the benchmark, but not their questions: "\w+" has "Answer in one word\."\./,
  });
});

test("lmms-eval's samples of VQAv2 val have no ids, and their target is the field's name", async () => {
  const vqaV2 = await sample('vqav2');
  const samples = vqaV2.questions.map(({ index, text }) => ({
    doc_id: index,
    target: 'answer',
    filtered_resps: `answer ${index}`,
    input: text,
    exact_match: 0.3,
  }));
  const set = await readPredictionFile(await write('a.jsonl', lines(samples)), vqaV2);
  assert.deepEqual(set.answers, rowAnswers(vqaV2));
});

test("lmms-eval's prompts for MM-Vet all begin alike", async () => {
  const mmVet = await findBenchmark('mmvet').load(sampleData('mmvet'), { protocol: 'lmms-eval', images: false });
  const samples = mmVet.questions.map(({ index, text }) => ({
    ...{ target: mmVet.gold(index), filtered_resps: `answer ${index}`, input: text },
  }));
  const inOrder = samples.map((sample, doc_id) => ({ doc_id, ...sample }));
  assert.deepEqual(
    (await readPredictionFile(await write('a.jsonl', lines(inOrder)), mmVet)).answers,
    rowAnswers(mmVet),
  );
  const reversed = samples.toReversed().map(({ target, ...sample }, doc_id) => ({ doc_id, ...sample }));
  await assert.rejects(readPredictionFile(await write('a.jsonl', lines(reversed)), mmVet), {
    message: /occur several times in mmvet test, such as "(?!first please)/,
  });
});

test("lmms-eval's POPE without prompts: an id of three questions is refused", async () => {
  const pope = await sample('pope');
  const samples = pope.questions.map(({ index }, doc_id) => ({
    ...{ doc_id: 161 - doc_id, filtered_resps: 'yes', pope_accuracy: { question_id: pope.sourceId!(index) } },
  }));
  await assert.rejects(readPredictionFile(await write('a.jsonl', lines(samples)), pope), { message: /is ambiguous/ });
});

test('answers to another split of VizWiz, which numbers each from 0, are not those of this one', async () => {
  const vizWiz = await sample('vizwiz');
  const asTest = vizWiz.questions.map(({ index }) => ({
    ...{ doc_id: index, target: '', filtered_resps: 'x', input: `Another question?\nShort.` },
    submission: { image: `VizWiz_test_${String(index).padStart(8, '0')}.jpg.jpg`, answer: 'x' },
  }));
  const numbered = vizWiz.questions.map(({ index }) => ({
    question_id: index,
    prompt: 'Another question?',
    text: 'x',
  }));
  for (const records of [asTest, numbered]) {
    await assert.rejects(readPredictionFile(await write('a.jsonl', lines(records)), vizWiz), {
      message: /answers none of the 42 questions of vizwiz val/,
    });
  }
});

test('prompts with another question than that of their id are reported', async () => {
  const benchmark = smallBenchmark('gqa', [
    { questionId: '1', text: 'Is it blue?\nShort.' },
    { questionId: '2', text: 'Is it red?\nShort.' },
  ]);
  const records = [
    { question_id: 1, prompt: 'USER: is it  blue? ASSISTANT:', text: 'a' },
    { question_id: 2, prompt: 'Is it green?', text: 'b' },
  ];
  const set = await readPredictionFile(await write('a.jsonl', lines(records)), benchmark);
  assert.deepEqual([set.answers, set.otherPrompts], [['a', 'b'], [2]]);
});

test("options in another form are no other question: ScienceQA's own prompts", async () => {
  const scienceQa = await sample('scienceqa');
  const records = scienceQa.questions.map(({ questionId, text }) => {
    const lines = text.split('\n').slice(0, -1);
    const first = lines.findIndex((line) => line.startsWith('A. '));
    const options = lines.slice(first).map((line) => `(${line[0]}) ${line.slice(3)}`);
    const prompt = `Question: ${lines[first - 1]}\nContext: N/A\nOptions: ${options.join(' ')}`;
    return { question_id: questionId, prompt, text: 'A' };
  });
  const path = await write('a.jsonl', lines(records));
  assert.deepEqual((await readPredictionFile(path, scienceQa)).otherPrompts, []);
});

test('a file of questions is no file of answers, though its "text" looks like one', async () => {
  const pope = await sample('pope');
  const records = pope.questions.map(({ questionId, image, text }) => ({ question_id: questionId, image, text }));
  const labels = records.map((record) => ({ ...record, text: record.text.split('\n')[0], label: 'yes' }));
  for (const content of [records, labels]) {
    await assert.rejects(readPredictionFile(await write('llava_pope_test.jsonl', lines(content)), pope), {
      message: /has the questions of pope where answers should be/,
    });
  }
});

test('ids that pandas made fractions', async () => {
  const benchmark = smallBenchmark('gqa', [{ questionId: '201' }, { questionId: '20' }]);
  for (const content of [
    'question_id,text\r\n20.0,b\r\n201.0,"a, b"\r\n',
    '\ufeffquestion_id,text\n20,b\n201,"a, b"\n',
  ]) {
    const set = await readPredictionFile(await write('a.csv', content), benchmark);
    assert.deepEqual(set.answers, ['a, b', 'b']);
  }
  const json = '[{"question_id": 20.0, "text": "b"}, {"question_id": 201.0, "text": "a, b"}]';
  assert.deepEqual((await readPredictionFile(await write('a.json', json), benchmark)).answers, ['a, b', 'b']);
});

test("VLMEvalKit's work folder: the files of judges and scores, and links to the last run, are left aside", async () => {
  const gqa = await sample('gqa');
  const rows = JSON.stringify(vlmEvalKitRows(gqa));
  const path = await write('llava_v1.5/T20260806_Gabc/llava_v1.5_GQA_TestDev_Balanced.json', rows);
  const run = dirname(path);
  for (const name of ['_results.json', '_acc.csv', '_gpt-4o_result.json', '_auxmatch.json']) {
    await writeFile(path.replace('.json', name), rows);
  }
  await writeFile(join(run, 'llava_v1.5_MME.json'), rows);
  await writeFile(join(run, 'status.json'), '{}');
  await symlink(path, join(dirname(run), 'llava_v1.5_GQA_TestDev_Balanced.json'));
  for (const folder of [run, dirname(run), dirname(dirname(run))]) {
    assert.deepEqual((await readPredictionFile(folder, gqa)).answers, rowAnswers(gqa));
  }
});

test("VLMEvalKit's failures: a server's, and with SKIP_ERR the model's own", async () => {
  const benchmark = smallBenchmark('gqa', [{ text: 'a?' }, { text: 'b?' }, { text: 'c?' }]);
  const predictions = [
    'Failed to obtain answer via API.',
    "Failed to obtain answer: <class 'RuntimeError'> CUDA out of memory",
    'He Failed to obtain answer',
  ];
  const rows = vlmEvalKitRows(benchmark, (row) => ({ prediction: predictions[row] }));
  const set = await readPredictionFile(await write('x_GQA.json', JSON.stringify(rows)), benchmark);
  assert.deepEqual(set.answers, [null, null, predictions[2]]);
});

test("llavahr's own predictions as a table of pandas", async () => {
  const rows = textVqa.questions.map(({ index, questionId, text }) => [
    ...[index, questionId],
    ...[text, right[index]!].map((field) => `"${field.replaceAll('"', '""')}"`),
  ]);
  const content = [['index', 'question_id', 'prompt', 'text'], ...rows].map((row) => row.join(',')).join('\r\n');
  assert.deepEqual((await readPredictionFile(await write('a.csv', content), textVqa)).answers, right);
});

for (const [name, content] of [
  ['a.csv', 'question_id,text,text\n1,a,b\n'],
  ['a.tsv', 'question_id\ttext\ttext\n1\ta\tb\n'],
] as const) {
  test(`two columns of one name are refused: ${name}`, async () => {
    await assert.rejects(readPredictionFile(await write(name, content), textVqa), {
      message: /has two columns "text"/,
    });
  });
}

test('a file is closed once its format is known', { skip: !existsSync('/proc/self/fd') }, async () => {
  for (const [name, content] of [
    ['a.jsonl', answerLines.repeat(500)], // more than a chunk
    ['a.jsonl.gz', gzipSync(answerLines.repeat(500))],
  ] as const) {
    const path = await write(name, content);
    await readPredictionFile(path, textVqa);
    await setTimeout(100); // files are closed in the background
    const open = await readdir('/proc/self/fd');
    const paths = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    assert.ok(!paths.includes(path), name);
  }
});

test('JSON lines may be named .txt', async () => {
  for (const content of [
    answerLines,
    JSON.stringify(
      answerLines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ),
  ]) {
    assert.deepEqual((await readPredictionFile(await write('answers.txt', content), textVqa)).answers, right);
  }
});

test("a folder of MME's result files, or of answers, may have other texts in it", async () => {
  const mme = await sample('mme');
  const ofTask = new Map<string, string>();
  for (const { index, image, text } of mme.questions) {
    const line = `${image!.split('/').at(-1)}\t${text.split('\n')[0]}\tYes\tanswer ${index}\n`;
    ofTask.set(mme.category!(index), (ofTask.get(mme.category!(index)) ?? '') + line);
  }
  const path = await write('readme.txt', 'Not an answer.');
  for (const [task, content] of ofTask) await writeFile(join(dirname(path), `${task}.txt`), content);
  assert.deepEqual((await readPredictionFile(dirname(path), mme)).answers, rowAnswers(mme));
  const jsonl = await write('answers.jsonl', answerLines);
  await writeFile(join(dirname(jsonl), 'rank0_metric_eval_done.txt'), 'rank 0 eval done');
  assert.deepEqual((await readPredictionFile(dirname(jsonl), textVqa)).answers, right);
});

for (const [what, content, message] of [
  ['an empty object', '{}', /looks like JSON without records\. Accepted formats:/],
  [
    'text',
    'question_id,text\n1,a\n',
    /looks like text that is not JSON\. The names of tables end in \.csv.*Accepted formats:/,
  ],
  ['a first line of another kind', `{"model": "x"}\n${answerLines}`, /JSON lines with the fields "model"\./],
] as const) {
  test(`the error tells what ${what} looks like, and what is accepted`, async () => {
    await assert.rejects(readPredictionFile(await write('a.json', content), textVqa), { name: 'UserError', message });
  });
}

/** An Excel workbook with one sheet. @param rows XML */
function workbook(rows: string): Promise<Buffer> {
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const related = (targets: Record<string, string>): string => {
    const links = Object.entries(targets).map(
      ([type, target], i) => `<Relationship Id="r${i}" Type="${office}/${type}" Target="${target}"/>`,
    );
    const schema = 'http://schemas.openxmlformats.org/package/2006/relationships';
    return `<Relationships xmlns="${schema}">${links.join('')}</Relationships>`;
  };
  const parts: Record<string, string> = {
    '[Content_Types].xml': '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    '_rels/.rels': related({ officeDocument: 'xl/workbook.xml' }),
    'xl/workbook.xml': `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="a" sheetId="1" r:id="r0"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': related({ worksheet: 'worksheets/sheet1.xml', styles: 'styles.xml' }),
    'xl/styles.xml': `<styleSheet xmlns="${main}"><cellStyleXfs><xf/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>`,
    'xl/worksheets/sheet1.xml': `<worksheet xmlns="${main}"><sheetData>${rows}</sheetData></worksheet>`,
  };
  return makeZip(Object.entries(parts).map(([name, content]) => ({ name, content: Buffer.from(content) })));
}

test('an answer that a spreadsheet program made a date is refused: its text is lost', async () => {
  const benchmark = smallBenchmark('gqa', [{ questionId: '1' }, { questionId: '2' }]);
  const cell = (place: string, text: string): string => `<c r="${place}" t="inlineStr"><is><t>${text}</t></is></c>`;
  const titles = `<row r="1">${cell('A1', 'question_id')}${cell('B1', 'text')}</row>`;
  const first = `<row r="2">${cell('A2', '1')}${cell('B2', '2010-05-01')}</row>`;
  const second = (style: number): string =>
    `<row r="3">${cell('A3', '2')}<c r="B3" s="${style}"><v>40299</v></c></row>`;
  const asNumber = await write('a.xlsx', await workbook(titles + first + second(0)));
  assert.deepEqual((await readPredictionFile(asNumber, benchmark)).answers, ['2010-05-01', '40299']);
  const asDate = await write('a.xlsx', await workbook(titles + first + second(1)));
  await assert.rejects(readPredictionFile(asDate, benchmark), { message: /a\.xlsx, row 3: text must be string/ });
});

test('a pipe is refused: the format follows from the first bytes, which are gone then', {
  skip: process.platform === 'win32' && 'there are no such pipes',
}, async () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const writing = writeFile(path, answerLines);
  await assert.rejects(readPredictionFile(path, textVqa), { message: /pipe is a pipe, which can be read only once/ });
  await writing.catch(() => {}); // the reader has gone
});
