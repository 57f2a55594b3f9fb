import { usageError } from '../../shared/errors.js';
import type { RunResult } from '../runs/load-run.js';
import { modelTitle } from '../runs/run-names.js';
import { activeSeconds } from '../runs/run-record.js';

/** A task of lmms-eval, and its metrics by the names of ours. */
interface LmmsTask {
  task: string;
  metrics: Readonly<Record<string, string>>;
  /** Whether the task gives percentages, as few do: most give fractions. */
  isPercent?: boolean;
}

const EXACT_MATCH = { accuracy: 'exact_match' };

/** By benchmark and split. Source: lmms-eval 75571cf, lmms_eval/tasks/<task>/<task>.yaml and utils.py */
const TASKS: Readonly<Record<string, LmmsTask>> = {
  'vqav2 val': { task: 'vqav2_val', metrics: EXACT_MATCH },
  'gqa testdev-balanced': { task: 'gqa', metrics: EXACT_MATCH },
  'okvqa val2014': { task: 'ok_vqa_val2014', metrics: EXACT_MATCH },
  'scienceqa test': { task: 'scienceqa', metrics: EXACT_MATCH },
  'scienceqa test-img': { task: 'scienceqa_img', metrics: { 'img-accuracy': 'exact_match' } },
  'vizwiz val': { task: 'vizwiz_vqa_val', metrics: EXACT_MATCH },
  'textvqa val': { task: 'textvqa_val', metrics: EXACT_MATCH },
  'pope test': {
    task: 'pope',
    metrics: {
      accuracy: 'pope_accuracy',
      precision: 'pope_precision',
      recall: 'pope_recall',
      f1: 'pope_f1_score',
      'yes-ratio': 'pope_yes_ratio',
    },
  },
  'mme test': {
    task: 'mme',
    metrics: { perception: 'mme_perception_score', cognition: 'mme_cognition_score' },
  },
  'seed all': {
    task: 'seedbench',
    metrics: { seed_image: 'seed_image', seed_video: 'seed_video', seed_all: 'seed_all' },
  },
  'seed image': { task: 'seedbench', metrics: { seed_image: 'seed_image' } },
  'mmvet test': { task: 'mmvet', metrics: { total: 'gpt_eval_score' }, isPercent: true },
};

/**
 * Runs of one model in the format of lmms-eval's results file, with its names of tasks and metrics and its fractions in place
 * of percentages. Benchmarks that lmms-eval does not have keep their names. Ends with a newline.
 * Source: lmms-eval 75571cf, evaluator.py `evaluate`, evaluator_utils.py `consolidate_results`,
 * loggers/evaluation_tracker.py `save_results_aggregated`
 * @param questionsOf number of questions of a run's split in the official files; null if unknown
 * @throws UserError (usage) when the runs are of several models, or two of one task
 */
export function lmmsEvalReport(
  runs: readonly RunResult[],
  questionsOf: (run: RunResult) => number | null = () => null,
): string {
  const titles = [...new Set(runs.map(({ record }) => modelTitle(record.identity)))];
  if (titles.length > 1) {
    throw usageError(
      `A results file of lmms-eval is about one model; these runs are of several: ${titles.join('; ')}.`,
    );
  }
  const tasks = runs.map((run) => ({ run, ...taskOf(run) }));
  const names = tasks.map(({ task }) => task);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw usageError(`Two of the runs are of lmms-eval's task ${twice}. Name one of them.`);
  const byTask = <T>(of: (task: (typeof tasks)[number]) => T): Record<string, T> =>
    Object.fromEntries(tasks.map((task) => [task.task, of(task)]));

  const { record } = runs[0]!;
  const { model, device, generation } = record.identity;
  const last = runs
    .map((run) => run.record.finishedAt ?? '')
    .sort()
    .at(-1)!;
  const report = {
    results: byTask(({ task, run, scores }) => ({ alias: task, samples: run.metrics.n, ...keyed(scores) })),
    group_subtasks: byTask(() => []),
    configs: byTask(({ task, run }) => ({
      task,
      test_split: run.metrics.split,
      num_fewshot: 0,
      generation_kwargs: { max_new_tokens: run.record.identity.maxNewTokens, temperature: 0, do_sample: false },
      metadata: run.record.identity.protocol,
    })),
    versions: byTask(({ run }) => run.record.sessions.at(-1)!.software.llavahr),
    'n-shot': byTask(() => 0),
    higher_is_better: byTask(({ scores }) => Object.fromEntries(scores.map(([name]) => [name, true]))),
    'n-samples': byTask(({ run }) => ({ original: questionsOf(run) ?? run.metrics.n, effective: run.metrics.n })),
    config: {
      model: model.family,
      model_args: `pretrained=${model.name},resolution=${model.resolution},precision=${model.precision}`,
      batch_size: record.sessions.at(-1)!.settings['batchSize'] ?? null,
      batch_sizes: [],
      device,
      use_cache: null,
      limit: record.identity.protocol['limit'] ?? null,
      gen_kwargs: `method=${generation['method']}`,
    },
    git_hash: null,
    date: last.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_'),
    task_hashes: {},
    model_source: model.family,
    model_name: model.name,
    model_name_sanitized: model.name.replaceAll('/', '__'),
    total_evaluation_time_seconds: String(runs.reduce((sum, run) => sum + activeSeconds(run.record), 0)),
    llavahr: {
      version: record.sessions.at(-1)!.software.llavahr,
      runs: runs.map(({ folder, record: { identity } }) => ({ folder, identity })),
    },
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** The benchmarks whose scores get lmms-eval's names although the runs had other prompts and scoring. */
export function notByLmmsEval(runs: readonly RunResult[]): string[] {
  const others = runs.filter(
    ({ metrics, record }) =>
      Object.hasOwn(TASKS, `${metrics.benchmark} ${metrics.split}`) &&
      record.identity.protocol['protocol'] !== 'lmms-eval',
  );
  return [...new Set(others.map(({ metrics }) => metrics.benchmark))];
}

/** The name of a run's task, and its scores by lmms-eval's names. */
function taskOf({ metrics }: RunResult): { task: string; scores: [name: string, value: number][] } {
  const { benchmark, split, points } = metrics;
  const known = TASKS[`${benchmark} ${split}`];
  const scale = (name: string): number => (points.includes(name) || known?.isPercent ? 1 : 100);
  const wanted: [string, string][] = known
    ? Object.entries(known.metrics)
    : Object.keys(metrics.scores).flatMap((name) => (name.includes('/') ? [] : [[name, name]]));
  return {
    task: known?.task ?? `${benchmark}_${split}`.replaceAll('-', '_'),
    scores: wanted.flatMap(([ours, theirs]) =>
      Object.hasOwn(metrics.scores, ours) ? [[theirs, metrics.scores[ours]! / scale(ours)]] : [],
    ),
  };
}

/** `exact_match,none`: metric and filter. The standard error is lmms-eval's text for one that is not known. */
function keyed(scores: readonly [name: string, value: number][]): Record<string, number | string> {
  return Object.fromEntries(
    scores.flatMap(([name, value]) => [
      [`${name},none`, value],
      [`${name}_stderr,none`, 'N/A'],
    ]),
  );
}
