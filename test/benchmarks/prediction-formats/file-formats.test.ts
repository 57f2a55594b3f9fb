import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readPredictionFile } from '../../../src/benchmarks/prediction-formats/read-predictions.js';
import { findBenchmark } from '../../../src/benchmarks/registry.js';
import { sampleData } from '../../../src/evaluation/sample.js';
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

test('in a record with a prediction, "answer" is the correct answer', async () => {
  const benchmark = smallBenchmark('gqa', [{ questionId: '1' }, { questionId: '2' }]);
  for (const field of ['prediction', 'pred', 'response', 'output']) {
    const records = ['no', 'maybe'].map((text, i) => ({ question_id: i + 1, answer: 'yes', [field]: text }));
    assert.deepEqual((await readPredictionFile(await write('a.jsonl', lines(records)), benchmark)).answers, [
      'no',
      'maybe',
    ]);
  }
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
