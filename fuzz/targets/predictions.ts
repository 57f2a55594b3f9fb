import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findBenchmark } from '../../src/benchmarks/registry.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { scorePredictions } from '../../src/evaluation/score-predictions.js';
import { mutateBytes } from '../mutate-bytes.js';
import { mutateJson, mutateJsonLines } from '../mutate-json.js';
import type { FuzzTarget } from '../target.js';

const load = (name: string) => findBenchmark(name).load(sampleData(name), { protocol: 'llava', images: false });
const BENCHMARKS = await Promise.all(['textvqa', 'pope', 'mme', 'gqa', 'vizwiz', 'seed'].map(load));

type Asked = (typeof BENCHMARKS)[number]['questions'][number];

/** An answer in each record format. */
const RECORDS: readonly ((question: Asked) => object)[] = [
  ({ index, questionId: question_id, text: prompt }) => ({ index, question_id, prompt, text: 'yes' }),
  ({ questionId: question_id, text: prompt }) => ({ question_id, prompt, text: 'A', answer_id: 'x', metadata: {} }),
  ({ index: doc_id, text: input }) => ({ doc_id, input, filtered_resps: ['no'], resps: [['no']], target: 'no' }),
  ({ questionId: question_id }) => ({ question_id, answer: '2' }),
  ({ questionId: question_id }) => ({ question_id, prediction: 'B' }),
  ({ questionId }) => ({ questionId, prediction: 'red' }),
  ({ image }) => ({ image, answer: 'dog' }),
];

export const target: FuzzTarget = {
  async run(folder, random) {
    const benchmark = random.pick(BENCHMARKS);
    const questions = benchmark.questions.slice(0, 5 + random.below(20));
    const record = random.pick(RECORDS);
    const kind = random.pick(['lines', 'lines', 'list', 'map', 'table'] as const);
    let path = join(folder, kind === 'lines' ? 'answers.jsonl' : 'answers.json');
    if (kind === 'lines') {
      const text = questions.map((question) => `${JSON.stringify(record(question))}\n`).join('');
      await writeFile(path, mutateJsonLines(text, random));
    } else if (kind === 'list') {
      await writeFile(path, mutateJson(JSON.stringify(questions.map(record)), random));
    } else if (kind === 'map') {
      const answers = Object.fromEntries(questions.map(({ questionId }) => [questionId, 'yes']));
      await writeFile(path, mutateJson(JSON.stringify(answers), random));
    } else {
      path = join(folder, 'OCR.txt');
      const lines = questions.map(({ text }) => `0001.jpg\t${text}\tYes\tyes\n`);
      await writeFile(path, mutateBytes(Buffer.from(lines.join('')), random));
    }
    await scorePredictions(benchmark, path, { allowPartial: true });
  },
};
