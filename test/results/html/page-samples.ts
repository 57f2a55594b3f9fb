import { htmlReport } from '../../../src/results/html/report.js';
import type { RunSamples } from '../../../src/results/html/sample-sets.js';
import type { PublishedOf } from '../../../src/results/reports/report-layout.js';
import type { RunResult } from '../../../src/results/runs/load-run.js';
import type { Prediction } from '../../../src/results/runs/predictions.js';
import { questionScores } from '../../../src/results/runs/question-scores.js';
import { model, textvqa } from '../reports/report-samples.js';
import { answered, failed } from '../samples.js';

/** What a run says and scored on each question; null where no answer could be made. */
export type Answers = readonly { text: string | null; score: number }[];

export interface Questions {
  prompts: readonly string[];
  images: readonly (string | null)[];
  categories: readonly (string | null)[];
  right: readonly Record<string, number>[];
}

/** `count` questions in two categories, two per image. */
export function questions(count: number): Questions {
  const rows = Array.from({ length: count }, (_, row) => row);
  return {
    prompts: rows.map((row) => `What is number ${row}?\nAnswer with one word.`),
    images: rows.map((row) => `${row >> 1}.jpg`),
    categories: rows.map((row) => (row % 2 === 0 ? 'even' : 'odd')),
    right: rows.map((row) => ({ [`answer ${row}`]: 7, unknown: 3 })),
  };
}

export function runSamples({ prompts, images, categories, right }: Questions, answers: Answers): RunSamples {
  const predictions = answers.map(
    ({ text }, row): Prediction => ({
      ...(text === null ? failed(row) : answered(row, text)),
      prompt: prompts[row]!,
    }),
  );
  return {
    predictions,
    scores: questionScores(
      answers.map(({ score }) => score),
      images,
      {},
    ),
    references: { schemaVersion: 1, images: [...images], categories: [...categories], answers: [...right] },
  };
}

/** Two runs of TextVQA at different sizes. */
export function twoRuns(names: readonly [string, string] = ['small', 'large']): [RunResult, RunResult] {
  return [textvqa(model(names[0], 448), 50), textvqa(model(names[1], 1024), 60)];
}

/** The report of two runs on the same questions. */
export function reportOf(
  asked: Questions,
  answers: readonly [Answers, Answers],
  { runs = twoRuns(), thumbnail = null as Buffer | null, publishedOf = undefined as PublishedOf | undefined } = {},
): Promise<string> {
  const samplesOf = new Map(runs.map((run, i) => [run, runSamples(asked, answers[i]!)]));
  return htmlReport(runs, { samplesOf, thumbnails: 10, makeThumbnail: async () => thumbnail, publishedOf });
}
