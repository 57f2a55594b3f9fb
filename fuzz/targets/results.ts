import { rmSync } from 'node:fs';
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareRuns } from '../../src/results/reports/compare.js';
import { comparisonTables } from '../../src/results/reports/comparison-tables.js';
import { csvReport } from '../../src/results/reports/report-csv.js';
import { latexReport } from '../../src/results/reports/report-latex.js';
import { reportLayout } from '../../src/results/reports/report-layout.js';
import { markdownReport } from '../../src/results/reports/report-markdown.js';
import { runOverview, runSummary } from '../../src/results/reports/run-summary.js';
import { latencyFile, openBatchTimings } from '../../src/results/runs/latency.js';
import { loadRun } from '../../src/results/runs/load-run.js';
import { metricsFile } from '../../src/results/runs/metrics.js';
import { openPredictions, readPredictions } from '../../src/results/runs/predictions.js';
import {
  questionScores,
  questionScoresFile,
  readQuestionScores,
  writeQuestionScores,
} from '../../src/results/runs/question-scores.js';
import { RUN_FILES } from '../../src/results/runs/run-folder.js';
import { runFile } from '../../src/results/runs/run-record.js';
import { MEAN_PERCENT } from '../../src/results/statistics/formula.js';
import { lockFolder } from '../../src/shared/folder-lock.js';
import { openJsonLines } from '../../src/shared/json-lines.js';
import { schemaCheck } from '../../src/shared/json-schema.js';
import { answered, failed, runResult } from '../../test/results/samples.js';
import { mutateBytes } from '../mutate-bytes.js';
import { mutateJson } from '../mutate-json.js';
import type { Random } from '../random.js';
import { mayRefuse } from '../refusal.js';
import type { FuzzTarget } from '../target.js';

const LOCK = 'lock-0123456789abcdef.json';
/** Pid of a dead process: higher than Linux ever assigns. */
const lock = { pid: 2 ** 22 + 1, startedAt: '2026-01-02T03:04:05.678Z', host: hostname(), process: null, beats: 3 };
const { predictions, batches } = RUN_FILES;
const FILES = [runFile.name, metricsFile.name, latencyFile.name, questionScoresFile.name, predictions, batches, LOCK];
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches control characters on purpose
const CONTROL_CHARACTER = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]|\u001b(?!\[\d*m)/;

export const target: FuzzTarget = {
  async run(folder, random) {
    const run = join(folder, 'run');
    await cp(await original, run, { recursive: true });
    const damaged = random.pick(FILES);
    await damage(join(run, damaged), random);

    await mayRefuse(async () => {
      const result = await loadRun(run);
      const runs = [runResult(), result];
      const scores = await Promise.all([null, readQuestionScores(run)]);
      const layout = reportLayout(runs);
      const compared = runs.map((run, i) => ({ run, questions: scores[i] }));
      const tables = [comparisonTables(compareRuns(compared)), runSummary(result), runOverview([result, result])];
      for (const text of tables) if (CONTROL_CHARACTER.test(text)) throw new Error(`control characters in ${text}`);
      csvReport(runs);
      latexReport(layout);
      markdownReport(layout);
    });
    await mayRefuse(() => readPredictions(join(run, predictions)));
    await mayRefuse(async () => {
      const file = await openPredictions(join(run, predictions));
      await file.append([answered(7)]);
      await file.finish();
    });
    await mayRefuse(async () => (await openBatchTimings(join(run, batches))).close());
    await mayRefuse(async () => (await lockFolder(run, { lapseMs: 0 })).release());
  },
};

/** Created only once, because writing a run folder flushes each file to disk. */
const original = writeRun();

async function writeRun(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-fuzz-run-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  const { record, metrics, latency } = runResult();
  await runFile.write(folder, record);
  await metricsFile.write(folder, metrics);
  await latencyFile.write(folder, latency);
  const counts = Float64Array.of(0, 1, 0.5, 1, 1, 1);
  const statistics = { accuracy: { width: 2, counts, formula: MEAN_PERCENT } };
  await writeQuestionScores(folder, questionScores([0, 0.5, 1], ['a', 'a', null], statistics));
  await writeLines(join(folder, predictions), [answered(0), answered(1), failed(2)]);
  await writeLines(join(folder, batches), [timing(true), timing(false)]);
  await writeFile(join(folder, LOCK), JSON.stringify(lock));
  return folder;
}

function timing(warmup: boolean): object {
  return {
    warmup,
    rows: [0, 1],
    images: 1,
    questions: 2,
    visualTokens: 64,
    promptTokens: 90,
    newTokens: 5,
    steps: 3,
    decodeImageMs: 1,
    visionMs: 2,
    generateMs: 3,
    prefillMs: null,
  };
}

/** Lines with valid checksums, regardless of their content. */
async function writeLines(path: string, values: readonly object[]): Promise<void> {
  const file = await openJsonLines<object>(path, schemaCheck({}), () => {});
  await file.append(values);
  await file.close();
}

async function damage(path: string, random: Random): Promise<void> {
  const bytes = await readFile(path);
  if (!path.endsWith('.jsonl')) return writeFile(path, mutateJson(bytes.toString(), random));
  if (random.chance(0.5)) return writeFile(path, mutateBytes(bytes, random));
  const lines = bytes
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => mutateJson(line, random).toString());
  const values = lines.flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === 'object' && value !== null && JSON.stringify(value).length < 1e6 ? [value] : [];
    } catch {
      return [];
    }
  });
  await writeFile(path, '');
  await writeLines(path, values);
}
