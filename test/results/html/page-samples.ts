import { htmlReport } from '../../../src/results/html/report.js';
import type { RunSamples } from '../../../src/results/html/sample-sets.js';
import type { PublishedOf } from '../../../src/results/reports/report-layout.js';
import type { RunResult } from '../../../src/results/runs/load-run.js';
import type { Prediction } from '../../../src/results/runs/predictions.js';
import { questionScores } from '../../../src/results/runs/question-scores.js';
import { model, textvqa } from '../reports/report-samples.js';
import { answered, failed, latency, runResult } from '../samples.js';

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
  return htmlReport(runs, { samplesOf, images: 10, largeBytes: 1e6, makeImage: async () => thumbnail, publishedOf });
}

const BENCHMARKS = {
  textvqa: 'accuracy',
  vqav2: 'accuracy',
  okvqa: 'accuracy',
  gqa: 'accuracy',
  vizwiz: 'accuracy',
  ocrvqa: 'accuracy',
  scienceqa: 'accuracy (img)',
  pope: 'average F1',
  mme: 'total score',
  'seed-bench': 'accuracy',
  'mm-vet': 'score',
};

/** Eleven benchmarks of four models at two sizes each, timed, with all scores apart or all equal. */
export function manyRuns({ areEqual = false } = {}): RunResult[] {
  const sizes = [448, 1024];
  return Object.entries(BENCHMARKS).flatMap(([benchmark, metric], column) =>
    Array.from({ length: 8 }, (_, line) => {
      const name = ['llava-hr-7b', 'llava-hr-13b', 'llava-1.5-7b-hf', 'llava-hr-x-13b-finetuned-on-documents'][
        line >> 1
      ]!;
      const run = runResult(
        { benchmark, split: 'val', ...model(name, sizes[line % 2]) },
        { [metric]: areEqual ? 50 : (benchmark === 'mme' ? 1500 : 60) + column + 1.37 * line },
      );
      const value = run.metrics.scores[metric]!;
      const half = areEqual ? 0 : benchmark === 'mme' ? 55 : 1.2;
      run.folder = `results/${benchmark}-val-${name}-${sizes[line % 2]}-fp32-cpu-0123abcd`;
      run.metrics.intervals = { [metric]: { low: value - half, high: value + half } };
      if (benchmark === 'mme') run.metrics.points = [metric];
      const stage = (p50: number) => ({ n: 30, p50, p95: 2 * p50, mean: p50 });
      run.latency = {
        ...latency,
        questions: 5000,
        newTokens: 20_000,
        batches: 400,
        visualTokensPerImage: 1024,
        stages: {
          ...latency.stages,
          decodeImageMsPerImage: stage(52.3 + line),
          visionMsPerImage: stage(418.6 + 10 * line),
          prefillMsPerQuestion: stage(97.25),
          decodeMsPerToken: stage(31.5),
        },
        tokensPerSecond: { generate: 50, model: 30.25, endToEnd: 20 },
        questionsPerSecond: 3.125,
        questionsPerBatch: 16,
      };
      return run;
    }),
  );
}

/** A report of all of `manyRuns` on some questions, which a model answers the more often rightly the later it comes. */
export function reportOfMany(
  runs: readonly RunResult[],
  asked: Questions,
  thumbnail: Buffer | null = null,
): Promise<string> {
  const samplesOf = new Map(
    runs.map((run, i) => {
      const answers = asked.prompts.map((_, row) =>
        (row * 7 + i) % 11 < 5 + (i % 8) / 2
          ? { text: `answer ${row}`, score: 1 }
          : { text: `no idea, ${i % 3}`, score: 0 },
      );
      return [run, runSamples(asked, answers)];
    }),
  );
  return htmlReport(runs, { samplesOf, images: 100, largeBytes: 1e6, makeImage: async () => thumbnail });
}
