import { execFileSync } from 'node:child_process';
import { cp, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { meanPercent, meanStatistic } from '../src/benchmarks/shared/statistics.js';
import { metricsFile } from '../src/results/runs/metrics.js';
import { questionScores, writeQuestionScores } from '../src/results/runs/question-scores.js';
import { runFile } from '../src/results/runs/run-record.js';
import { byteSize } from '../src/shared/byte-size.js';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';
import { withFolder } from './temporary-folder.js';
import { VAL_IMAGES, VAL_QUESTIONS } from './vqa-files.js';

const LLAVAHR = join(PACKAGE_ROOT, 'bin', 'llavahr');
const ACCURACIES = [0, 0.3, 0.6, 0.9, 1];
const TIMES = 3;

/** Time of `llavahr compare` for two runs of VQAv2 val's size, from the command line to the table. */
export async function comparingVal(): Promise<string> {
  return withFolder(async (folder) => {
    const folders = await writeRuns(folder);
    const { size } = await stat(join(folders[0]!, 'question-scores.json'));
    const times = Array.from({ length: TIMES }, () => {
      const start = performance.now();
      const page = execFileSync(process.execPath, [LLAVAHR, 'compare', ...folders], { encoding: 'utf8' });
      if (!page.includes(String(VAL_QUESTIONS)) || !page.includes('better than')) throw new Error(page);
      return (performance.now() - start) / 1000;
    });
    const range = `${Math.min(...times).toFixed(1)} to ${Math.max(...times).toFixed(1)} s`;
    return `${range} in ${TIMES} repetitions, two files of ${byteSize(size)} (target: under 5 s)`;
  });
}

/** Run folders of a real run, with the questions replaced by VAL_QUESTIONS generated ones. */
async function writeRuns(folder: string): Promise<string[]> {
  const made = join(folder, 'made');
  execFileSync(process.execPath, [LLAVAHR, 'eval', 'vqav2', '--limit', '2', '--output', made], { stdio: 'ignore' });
  const run = join(made, (await readdir(made))[0]!);
  const random = xoroshiro128plus(1);
  const images = Array.from(
    { length: VAL_QUESTIONS },
    (_, i) => `COCO_val2014_${(7 * (i % VAL_IMAGES)) % 581_929}.jpg`,
  );
  const folders: string[] = [];
  for (const [i, more] of [0, 1].entries()) {
    const copy = join(folder, `run-${i}`);
    await cp(run, copy, { recursive: true });
    const record = (await runFile.read(copy))!;
    record.identity.model.resolution = record.identity.model.resolution! * (i + 1);
    await runFile.write(copy, record);
    // One in fifty answers of the second run is certainly correct.
    const scores = images.map(() =>
      uniformInt(random, 0, 49) < more ? 1 : ACCURACIES[uniformInt(random, 0, ACCURACIES.length - 1)]!,
    );
    const metrics = (await metricsFile.read(copy))!;
    metrics.scores = { accuracy: meanPercent(scores) };
    await metricsFile.write(copy, { ...metrics, n: VAL_QUESTIONS });
    await writeQuestionScores(copy, questionScores(scores, images, { accuracy: meanStatistic(scores) }));
    folders.push(copy);
  }
  return folders;
}
