import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vqaV2 } from '../src/benchmarks/vqav2.js';
import { groupByImage } from '../src/evaluation/plan-batches.js';
import { peakMemoryBytes } from '../src/shared/peak-memory.js';
import { ANSWER_FILE, type Result, TEST_DEV_QUESTIONS, VAL_QUESTIONS } from './vqa-files.js';

/*
 * `node vqa-scale-process.js <split> <folder>`: measures reading or scoring the files in the folder, in a separate
 * process so that peak memory is that of this work alone, and prints the result as JSON.
 */

/** Measurements by split; times in milliseconds. */
export interface Measured {
  'test-dev': { readMs: number; groups: number; peakBytes: number };
  val: { readMs: number; scoreMs: number; peakBytes: number };
}

const [split, folder] = process.argv.slice(2);
const measured = split === 'val' ? await scoreVal(folder!) : await readTestDev(folder!);
console.log(JSON.stringify(measured));

async function readTestDev(folder: string): Promise<Measured['test-dev']> {
  const start = performance.now();
  const { questions } = await vqaV2.load(folder, { split: 'test-dev', protocol: 'llava', images: false });
  const groups = groupByImage(questions);
  const readMs = performance.now() - start;
  expectCount(groups.flatMap((group) => group.questions).length, TEST_DEV_QUESTIONS);
  return { readMs, groups: groups.length, peakBytes: peakMemoryBytes() };
}

async function scoreVal(folder: string): Promise<Measured['val']> {
  const results = JSON.parse(await readFile(join(folder, ANSWER_FILE), 'utf8')) as Result[];
  const answers = results.map(({ answer }) => answer);
  const start = performance.now();
  const benchmark = await vqaV2.load(folder, { split: 'val', protocol: 'llava', images: false });
  const loaded = performance.now();
  const score = benchmark.score(answers);
  const scored = performance.now();
  expectCount(score?.n, VAL_QUESTIONS);
  return { readMs: loaded - start, scoreMs: scored - loaded, peakBytes: peakMemoryBytes() };
}

function expectCount(count: number | undefined, wanted: number): void {
  if (count !== wanted) throw new Error(`${count} questions instead of ${wanted}`);
}
