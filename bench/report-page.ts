import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { openPredictions, type Prediction } from '../src/results/runs/predictions.js';
import { questionScores, writeQuestionScores } from '../src/results/runs/question-scores.js';
import { referencesFile } from '../src/results/runs/references.js';
import { RUN_FILES } from '../src/results/runs/run-folder.js';
import { runFile } from '../src/results/runs/run-record.js';
import { byteSize } from '../src/shared/byte-size.js';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';
import { withFolder } from './temporary-folder.js';

const QUESTIONS = 10_000;
const RUNS = 3;
const CHROMIUM = '/usr/bin/chromium';
const LLAVAHR = join(PACKAGE_ROOT, 'bin', 'llavahr');

/** Time to create the HTML report of three runs with 10,000 questions each, and for a browser to show it. */
export async function reportPage(): Promise<string> {
  return withFolder(async (folder) => {
    const folders = await writeRuns(folder);
    const page = join(folder, 'report.html');
    const start = performance.now();
    spawnSync(process.execPath, [LLAVAHR, 'report', ...folders, '--format', 'html', '--thumbnails', '0', '-o', page]);
    const seconds = (performance.now() - start) / 1000;
    const { size } = await stat(page);
    return `${seconds.toFixed(1)} s, ${byteSize(size)} (target: under 5 s); ${await opening(page)}`;
  });
}

/** Run folders of a real run, with the questions replaced by many generated ones. */
async function writeRuns(folder: string): Promise<string[]> {
  const made = join(folder, 'made');
  execFileSync(process.execPath, [LLAVAHR, 'eval', 'textvqa', '--limit', '2', '--output', made], { stdio: 'ignore' });
  const [name] = await readdir(made);
  const run = join(made, name!);
  const rows = Array.from({ length: QUESTIONS }, (_, row) => row);
  const images = rows.map((row) => `image-${row % 5000}.jpg`);
  const folders: string[] = [];
  for (let i = 0; i < RUNS; i++) {
    const copy = join(folder, `run-${i}`);
    await cp(run, copy, { recursive: true });
    const record = (await runFile.read(copy))!;
    record.identity.model.resolution = record.identity.model.resolution! * (i + 1);
    await runFile.write(copy, record);
    await rm(join(copy, RUN_FILES.predictions));
    const predictions = await openPredictions(join(copy, RUN_FILES.predictions));
    await predictions.append(rows.map((row) => prediction(row, i)));
    await predictions.close();
    const scores = rows.map((row) => ((row * (i + 3)) % 10) / 9);
    await writeQuestionScores(copy, questionScores(scores, images, {}));
    await referencesFile.write(copy, {
      schemaVersion: 1,
      images,
      categories: rows.map((row) => `category ${row % 20}`),
      answers: rows.map((row) => ({ [`answer ${row % 700}`]: 6, [`another ${row % 90}`]: 3, unanswerable: 1 })),
    });
    folders.push(copy);
  }
  return folders;
}

function prediction(row: number, run: number): Prediction {
  return {
    index: row,
    question_id: `image-${row % 5000}`,
    prompt: `What is written on the ${row}th of the signs in this picture?\nAnswer the question using a single word or phrase.`,
    text: `answer ${(row * (run + 1)) % 700}`,
    answer_id: 'A'.repeat(22),
    model_id: 'llava-hr-tiny',
    metadata: {},
    tokens: 3,
  };
}

async function opening(page: string): Promise<string> {
  if (!existsSync(CHROMIUM)) return `not opened: ${CHROMIUM} does not exist`;
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const tab = await browser.newPage();
    const start = performance.now();
    await tab.goto(pathToFileURL(page).href);
    await tab.locator('.sample').first().waitFor();
    const opened = performance.now();
    await tab.locator('input[name="search"]').fill('answer 69');
    await tab.getByText(' of 10,000 samples').waitFor();
    const searched = performance.now();
    return `opens in ${(opened - start).toFixed(0)} ms, searches in ${(searched - opened).toFixed(0)} ms`;
  } finally {
    await browser.close();
  }
}
