import { readFileSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadedBenchmark } from '../../src/benchmarks/benchmark.js';
import { readTaskBenchmark } from '../../src/benchmarks/registry.js';
import { EMBEDDED_TASKS, TASKS_FOLDER } from '../../src/benchmarks/tasks/embedded-tasks.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { PACKAGE_ROOT } from '../../src/shared/package-root.js';
import { mutateBytes } from '../mutate-bytes.js';
import { mutateJson, mutateJsonLines } from '../mutate-json.js';
import type { Random } from '../random.js';
import { mayRefuse } from '../refusal.js';
import type { FuzzTarget } from '../target.js';

const EXAMPLE = join(PACKAGE_ROOT, 'sample', 'task');
const IMAGES = join(sampleData('textvqa'), 'train_images');
const ANSWERS = ['', '0', '5%', 'yes', 'B', '(B) a', 'it says: stop', '\ud800', '__proto__', 'x'.repeat(5000)];

/** A table of the example's questions with more columns, as every kind of text table. */
const [, ...LINES] = readFileSync(join(EXAMPLE, 'questions.csv'), 'utf8').trim().split('\n');
const RECORDS = LINES.map((line, i) => {
  const [id, image, question, answer, kind] = line.split(',');
  return {
    id,
    image,
    question,
    answer,
    kind,
    hint: i % 2 ? 'Look.' : '',
    list: "['a', 'b']",
    place: i % 2,
    copy: i % 4,
  };
});
const TITLES = Object.keys(RECORDS[0]!);
const separated = (delimiter: string): string =>
  [TITLES, ...RECORDS.map((record) => Object.values(record))]
    .map((cells) => cells.map((cell) => (/[",]/.test(`${cell}`) ? `"${cell}"` : `${cell}`)).join(delimiter))
    .join('\r\n');
const TABLES = {
  'questions.csv': separated(','),
  'questions.tsv': separated('\t'),
  'questions.json': JSON.stringify(RECORDS),
  'questions.jsonl': RECORDS.map((record) => JSON.stringify(record)).join('\n'),
};

/** A task that uses most fields. */
const task = (file: string, isChoice: boolean) => ({
  schemaVersion: 1,
  name: 'fuzzed',
  notes: ['a note'],
  splits: { test: { files: [file], where: { kind: ['sign', 'chart', 'book'] } } },
  fields: {
    ...{ id: 'id', question: 'question', category: ['kind', 'hint'] },
    ...(isChoice ? { options: 'list', answer: 'place' } : { answer: 'answer' }),
  },
  ...(isChoice ? { answerIs: 'index' } : {}),
  missing: ['none'],
  image: { file: '{image}', in: 'images' },
  prompt: ['{hint?}\n', '{question}', ...(isChoice ? ['\n{options?}'] : [])],
  optionFormat: '({letter}) {option}',
  systemPrompt: 'Answer.',
  maxNewTokens: 8,
  extract: { patterns: ['(?i)it says:? (.+)', '[a-z]+'], otherwise: 'nothing' },
  metric: isChoice ? 'choice-vlmevalkit' : { name: 'substring', formulas: { column: 'kind', values: ['book'] } },
  circular: { column: 'copy', modulo: 2 },
  mainCategories: true,
  categoryNames: { sign: 'signs' },
});

function damagedTable(name: string, text: string, random: Random): Buffer {
  if (name.endsWith('.json')) return mutateJson(text, random);
  return name.endsWith('.jsonl') ? mutateJsonLines(text, random) : mutateBytes(Buffer.from(text), random);
}

async function use(benchmark: LoadedBenchmark, random: Random): Promise<void> {
  try {
    for (const { index, image } of benchmark.questions) {
      benchmark.gold(index);
      benchmark.scoreOne(index, random.pick(ANSWERS));
      if (image !== null && index < 3) await mayRefuse(() => benchmark.images.read(image));
    }
    benchmark.score(benchmark.questions.map(() => (random.chance(0.2) ? null : random.pick(ANSWERS))));
  } finally {
    await benchmark.images.close();
  }
}

export const target: FuzzTarget = {
  async run(folder, random) {
    const path = join(folder, 'task.json');
    if (random.chance(0.2)) {
      const { name } = random.pick(EMBEDDED_TASKS);
      await writeFile(path, mutateJson(readFileSync(join(TASKS_FOLDER, `${name}.json`), 'utf8'), random));
      readTaskBenchmark(path);
      return;
    }
    const file = random.pick(Object.keys(TABLES) as (keyof typeof TABLES)[]);
    const text = JSON.stringify(task(file, random.chance(0.5)));
    const isTask = random.chance(0.5);
    await writeFile(path, isTask ? mutateJson(text, random) : text);
    await writeFile(join(folder, file), isTask ? TABLES[file] : damagedTable(file, TABLES[file], random));
    await symlink(IMAGES, join(folder, 'images'));
    const limit = random.chance(0.2) ? { limit: random.below(20) + 1 } : {};
    await use(await readTaskBenchmark(path).load(folder, { protocol: 'llava', ...limit }), random);
  },
};
