import { stringify } from 'yaml';
import { countOf } from '../../shared/count-of.js';
import { usageError } from '../../shared/errors.js';
import { askedQuestions } from '../runs/asked-questions.js';
import type { RunResult } from '../runs/load-run.js';
import { modelTitle } from '../runs/run-names.js';
import { scoreText } from '../statistics/digits.js';
import { runName } from './report-layout.js';

/** The benchmarks' datasets on the Hugging Face hub. */
const DATASETS: Readonly<Record<string, string>> = {
  vqav2: 'lmms-lab-encoder/VQAv2',
  gqa: 'lmms-lab-encoder/GQA',
  okvqa: 'lmms-lab-encoder/OK-VQA',
  ocrvqa: 'howard-hou/OCR-VQA',
  scienceqa: 'lmms-lab-encoder/ScienceQA',
  vizwiz: 'lmms-lab-encoder/VizWiz-VQA',
  textvqa: 'lmms-lab-encoder/textvqa',
  pope: 'lmms-lab-encoder/POPE',
  mme: 'lmms-lab-encoder/MME',
  seed: 'lmms-lab-encoder/SEED-Bench',
  mmvet: 'lmms-lab-encoder/MMVet',
};

const HEAD = `# Put this file into the folder .eval_results of the model's repository on the Hugging Face hub.
# The hub shows results on datasets that are registered as benchmarks: check id and task_id against the dataset's eval.yaml.
`;

/**
 * Main scores of one model's runs as YAML for the Hugging Face hub.
 * Source: https://huggingface.co/docs/hub/eval-results
 * @param questionsOf number of questions of a run's split in the official files; null if unknown
 * @throws UserError (usage) when the runs are of several models, of a part of the questions, or none has a score on a dataset of
 *   the hub
 */
export function evalResultsReport(runs: readonly RunResult[], questionsOf: (run: RunResult) => number | null): string {
  const titles = [...new Set(runs.map(({ record }) => modelTitle(record.identity)))];
  if (titles.length > 1) {
    throw usageError(
      `A file of eval results is for one model's repository; these runs are of several: ${titles.join('; ')}.`,
    );
  }
  for (const run of runs) {
    const part = askedQuestions(run.record.identity.protocol);
    if (part) throw usageError(`${runName(run)} is over ${part.text}, which the hub could not tell.`);
    const [{ n }, questions] = [run.metrics, questionsOf(run)];
    if (questions === null || questions === n) continue;
    throw usageError(
      `${runName(run)} is over ${countOf(n, 'question')}, but its split has ${questions}, which the hub could not tell.`,
    );
  }
  const results = runs.flatMap((run) => {
    const { metrics, record } = run;
    const id = Object.hasOwn(DATASETS, metrics.benchmark) ? DATASETS[metrics.benchmark] : undefined;
    if (id === undefined || metrics.headline === null) return [];
    return [
      {
        dataset: { id, task_id: 'default' },
        value: metrics.scores[metrics.headline]!,
        ...(record.finishedAt === null ? {} : { date: record.finishedAt }),
        notes: notesOf(run, metrics.headline),
      },
    ];
  });
  if (results.length > 0) return HEAD + stringify(results, { lineWidth: 0 });
  throw usageError('None of the runs has a score on a dataset of the Hugging Face hub.');
}

/** What the value is, and how it was measured. */
function notesOf({ metrics, record }: RunResult, headline: string): string {
  const { interval } = scoreText(metrics, headline);
  const { llavahr } = record.sessions.at(-1)!.software;
  const protocol = Object.entries(record.identity.protocol)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${value}`);
  return [
    `${headline} on ${metrics.split}${interval ? `, 95 % interval ${interval}` : ''}`,
    `${countOf(metrics.n, 'question')}${metrics.failed > 0 ? `, ${metrics.failed} of them failed` : ''}`,
    modelTitle(record.identity),
    ...protocol,
    ...(metrics.judge ? [`graded by ${metrics.judge.model}`] : []),
    `llavahr ${llavahr}`,
  ].join('; ');
}
