import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BENCHMARKS } from '../../src/benchmarks/registry.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { linkedFolder } from '../linked-folder.js';
import { mutateBytes } from '../mutate-bytes.js';
import { mutateJson, mutateJsonLines } from '../mutate-json.js';
import { mayRefuse } from '../refusal.js';
import type { FuzzTarget } from '../target.js';

/** The annotation files of the sample benchmarks. */
const FILES: readonly (readonly [benchmark: string, file: string])[] = [
  ['vqav2', 'v2_OpenEnded_mscoco_val2014_questions.json'],
  ['vqav2', 'v2_mscoco_val2014_annotations.json'],
  ['gqa', 'testdev_balanced_questions.json'],
  ['okvqa', 'OpenEnded_mscoco_val2014_questions.json'],
  ['okvqa', 'mscoco_val2014_annotations.json'],
  ['ocrvqa', 'dataset.json'],
  ['scienceqa', 'pid_splits.json'],
  ['scienceqa', 'problems.json'],
  ['vizwiz', 'val.json'],
  ['textvqa', 'TextVQA_0.5.1_val.json'],
  ['pope', 'coco_pope_adversarial.json'],
  ['mme', 'MME_Benchmark_release_version/OCR/0001.txt'],
  ['mme', 'MME_Benchmark_release_version/artwork/questions_answers_YN/0002.txt'],
  ['seed', 'SEED-Bench.json'],
  ['mmvet', 'mm-vet.json'],
  ['hrbench-4k', 'hr_bench_4k.tsv'],
  ['vstar', 'test_questions.jsonl'],
  ['mmbench', 'mmbench_dev_20230712.tsv'],
];
const ANSWERS = ['', 'yes', 'No.', 'A', '(B) cat', '2', '\ud800', '__proto__', 'constructor', 'x'.repeat(5000)];

export const target: FuzzTarget = {
  async run(folder, random) {
    const [name, file] = random.pick(FILES);
    const original = sampleData(name);
    const text = readFileSync(join(original, file), 'utf8');
    const data = join(folder, name);
    const isLines = file.startsWith('coco_pope') || file.endsWith('.jsonl');
    const damaged = /\.(txt|tsv)$/.test(file)
      ? mutateBytes(Buffer.from(text), random)
      : isLines
        ? mutateJsonLines(text, random)
        : mutateJson(text, random);
    await linkedFolder(original, data, file, damaged);
    const protocol = random.pick(['llava', 'lmms-eval'] as const);
    const benchmark = await BENCHMARKS.find((definition) => definition.name === name)!.load(data, { protocol });
    try {
      for (const { index, image } of benchmark.questions) {
        benchmark.gold(index);
        benchmark.scoreOne(index, random.pick(ANSWERS));
        if (image !== null && index < 3) await mayRefuse(() => benchmark.images.read(image));
      }
      const answers = benchmark.questions.map(() => (random.chance(0.2) ? null : random.pick(ANSWERS)));
      benchmark.score(answers);
      benchmark.submission(answers);
    } finally {
      await benchmark.images.close();
    }
  },
};
