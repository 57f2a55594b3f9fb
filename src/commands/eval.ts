import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { BenchmarkDefinition, LoadedBenchmark, Protocol } from '../benchmarks/benchmark.js';
import { checkOptions, type GivenOptions, requireOptions } from '../benchmarks/benchmark-options.js';
import { loadAsked, type QuestionSelection } from '../benchmarks/question-selection.js';
import { readQuestionIds } from '../benchmarks/read-question-ids.js';
import { EVALUABLE } from '../benchmarks/registry.js';
import { questionsOfSplit } from '../benchmarks/shared/splits.js';
import { type DownloadsOnDemand, downloadsOnDemand } from '../downloads/downloads-on-demand.js';
import type { Answerer } from '../evaluation/answerer.js';
import { evaluate, type ShardResult } from '../evaluation/evaluate.js';
import { type Heartbeat, startHeartbeat } from '../evaluation/heartbeat.js';
import { checkJudgeBefore, type JudgeChoice } from '../evaluation/judge-answers.js';
import { sampleData } from '../evaluation/sample.js';
import { runOverview, runSummary } from '../results/reports/run-summary.js';
import type { RunResult } from '../results/runs/load-run.js';
import type { Shard } from '../results/runs/run-identity.js';
import { commandLine } from '../shared/command-line.js';
import { EXIT, messageOf, UserError, usageError } from '../shared/errors.js';
import { logEvent, messageStream, say } from '../shared/log.js';

import { dataFolder } from './data-folder.js';
import { interruptible } from './interrupt.js';
import { type EvalJson, printJson } from './json-output.js';
import { type JudgeOptions, judgeChoice } from './judge-choice.js';
import { benchmarksNamed } from './name-benchmarks.js';
import { type AnswererOptions, answererOf, type OpenAnswerer } from './open-answerer.js';
import { sayFailures } from './say-failures.js';

export interface EvalCommandOptions extends AnswererOptions, JudgeOptions {
  data?: string;
  split?: string;
  /** Default: llava. */
  protocol?: Protocol;
  ocrTokens?: boolean;
  limit?: number;
  offset?: number;
  sample?: number;
  seed?: number;
  /** File with question ids. */
  ids?: string;
  maxNewTokens?: number;
  shard?: Shard;
  failFast: boolean;
  heartbeat?: string;
  offline: boolean;
  output: string;
  fresh: boolean;
  json: boolean;
  /** This and the next two: only for the benchmark `custom`. */
  questions?: string;
  images?: string;
  metric?: string;
}

/** How the evaluation of one benchmark ended. */
type Outcome =
  | { state: 'complete'; result: RunResult }
  | { state: 'shard-complete'; result: ShardResult }
  | { state: 'failed'; exitCode: number }
  | { state: 'interrupted' };

/** `llavahr eval`: prints results on stdout, everything else on stderr. If one benchmark fails, the others still run. */
export async function evalCommand(names: string, options: EvalCommandOptions): Promise<number> {
  const openAnswerer = answererOf(options);
  const definitions = await benchmarksNamed(names, (model) => `llavahr eval textvqa --model ${model}`, EVALUABLE);
  checkOptions(definitions, benchmarkOptions(options));
  for (const definition of definitions) requireOptions(definition, options);
  const selection = await selectionOf(options);
  checkPaths({ data: options.data, questions: options.questions, images: options.images });
  const judge = judgeChoice(options);
  if (judge && options.shard) {
    throw usageError(
      '--judge cannot grade a shard. Merge the shards first, then rerun eval with --judge and without --shard.',
    );
  }
  const heartbeat = await startHeartbeat(options.heartbeat ?? null);
  let end: 'complete' | 'interrupted' | 'failed' = 'failed';
  try {
    const code = await evaluateAll(definitions, { options, selection, openAnswerer, judge, heartbeat });
    if (code === EXIT.interrupted) end = 'interrupted';
    else if (code === EXIT.done || code === EXIT.someSamplesFailed) end = 'complete';
    return code;
  } finally {
    await heartbeat.stop(end);
  }
}

/** @throws UserError when an option names a file or folder that is not there */
function checkPaths(paths: Readonly<Record<string, string | undefined>>): void {
  for (const [option, path] of Object.entries(paths)) {
    if (path !== undefined && !existsSync(path)) throw new UserError(`--${option} ${path} does not exist.`);
  }
}

/** Questions files that were cut off, or of another version, give a score that looks as that of the split. */
function warnFewer(definition: BenchmarkDefinition, { name, split, questions: { length } }: LoadedBenchmark): void {
  const questions = questionsOfSplit(definition, split);
  if (questions === null || length >= questions) return;
  say(
    'warn',
    `${name} ${split} has ${questions} questions, but these files only ${length}: its score is that of a part.`,
  );
}

/** The options of which a benchmark says whether it takes them. */
function benchmarkOptions(options: EvalCommandOptions): GivenOptions {
  const { data, split, protocol, ocrTokens, questions, images, metric } = options;
  const { judge, judgeModel, judgeRuns, judgeKey, judgePrices } = options;
  const ofJudge = { judge, judgeModel, judgeRuns, judgeKey, judgePrices };
  return { data, split, protocol, ocrTokens, ...ofJudge, questions, images, metric };
}

/** Which questions of each benchmark are asked. */
async function selectionOf({ limit, offset, sample, seed, ids }: EvalCommandOptions): Promise<QuestionSelection> {
  if (seed !== undefined && sample === undefined) throw usageError('--seed needs --sample.');
  return { limit, offset, sample, seed, ids: ids === undefined ? undefined : await readQuestionIds(ids) };
}

/** What the command line asks for. */
interface Asked {
  options: EvalCommandOptions;
  selection: QuestionSelection;
  openAnswerer: OpenAnswerer;
  judge: JudgeChoice | null;
  heartbeat: Heartbeat;
}

/** What the evaluations of one command share. */
interface Evaluations extends Omit<Asked, 'openAnswerer'> {
  /** Whether there is only one. */
  alone: boolean;
  answerer: Answerer;
  downloads: DownloadsOnDemand;
  signal: AbortSignal;
}

async function evaluateAll(
  definitions: readonly BenchmarkDefinition[],
  { openAnswerer, ...asked }: Asked,
): Promise<number> {
  const { options } = asked;
  const downloads = downloadsOnDemand(options.offline);
  const interrupt = interruptible('Stopping after the current batches. Press Ctrl-C again to stop immediately.');
  const { signal } = interrupt;
  const alone = definitions.length === 1;
  const outcomes: Outcome[] = [];
  let answerer: Answerer | undefined;
  try {
    if (asked.judge) await checkJudgeBefore(asked.judge, options.output, signal);
    answerer = await openAnswerer(downloads, signal);
    for (const definition of definitions) {
      if (!alone) say('info', `${definition.name}:`);
      outcomes.push(await evaluateOne(definition, { ...asked, alone, answerer, downloads, signal }));
      if (signal.aborted) break;
    }
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    outcomes.push({ state: 'interrupted' });
  } finally {
    interrupt.stop();
    await answerer?.close();
    await downloads.close();
  }

  const runs = outcomes.flatMap((outcome) => (outcome.state === 'complete' ? [outcome.result] : []));
  const shards = outcomes.flatMap((outcome) => (outcome.state === 'shard-complete' ? [outcome.result] : []));
  if (options.json && runs.length + shards.length > 0) printJson<EvalJson>({ runs, shards });
  else {
    if (runs.length > 0) console.log(alone ? runSummary(runs[0]!) : runOverview(runs));
    if (shards.length > 0) console.log(shardTexts(shards));
  }
  return exitCode(outcomes);
}

async function evaluateOne(
  definition: BenchmarkDefinition,
  { options, selection, alone, answerer, judge, downloads, heartbeat, signal }: Evaluations,
): Promise<Outcome> {
  const { name } = definition;
  const { data, model, split, ocrTokens, maxNewTokens, questions, metric } = options;
  const { protocol = 'llava', failFast, output, fresh } = options;
  try {
    const folder =
      definition.options.questions !== undefined
        ? (options.images ?? dirname(questions!))
        : await dataFolder(
            definition,
            { data, model, isServed: options.endpoint !== undefined, split, alone },
            downloads,
            signal,
          );
    const asked = { split, protocol, ocrTokens, ...selection, maxNewTokens, questions, metric };
    const benchmark = await loadAsked(definition, folder, asked);
    const count = benchmark.questions.length;
    logEvent('info', 'benchmark-loaded', { benchmark: name, split: benchmark.split, questions: count, folder });
    heartbeat.update({ state: 'starting', benchmark: name, answered: 0, failed: 0, questions: count });
    if (folder !== sampleData(name) && Object.values(selection).every((one) => one === undefined))
      warnFewer(definition, benchmark);
    const [argv, stream] = [commandLine(), messageStream()];
    const judging = judge && { folder, judge };
    const shard = options.shard ?? null;
    const evaluated = {
      benchmark,
      answerer,
      shard,
      failFast,
      output,
      fresh,
      judging,
      data: resolve(folder),
      taskFile: definition.taskFile?.path,
      argv,
      signal,
      stream,
      heartbeat,
    };
    const evaluation = await evaluate(evaluated).finally(benchmark.images.close);
    if (evaluation.state === 'interrupted') {
      const { answered, questions, folder } = evaluation;
      say(
        'warn',
        `Interrupted: ${answered} of ${questions} answers${judging ? ' and the grades so far' : ''} are in ${folder}. ` +
          'Rerun the same command to resume.',
      );
      return { state: 'interrupted' };
    }
    const { state, result, wasComplete } = evaluation;
    const failed = failures(evaluation);
    const n = state === 'complete' ? result.metrics.n : result.questions;
    if (wasComplete) say('info', 'This run is already complete. Use --fresh to run it again.');
    sayFailures(
      failed,
      n,
      evaluation.state === 'complete' ? evaluation.result.metrics.failures : evaluation.result.failures,
    );
    const missing = missingGrades(evaluation);
    if (missing > 0) say('warn', `${missing} gradings failed. Rerun the same command to request them again.`);
    return evaluation;
  } catch (error) {
    if (alone || !(error instanceof UserError)) throw error;
    say('error', `error: ${name}: ${messageOf(error)}`);
    return { state: 'failed', exitCode: error.exitCode };
  }
}

/** Shards are not scored, so only counts are shown. */
function shardTexts(results: readonly ShardResult[]): string {
  return results
    .map(({ benchmark, split, shard: { index, count }, questions, failed, folder }) => {
      const counts = `${questions - failed} of ${questions} questions answered, ${failed} failed`;
      return `${benchmark} ${split}, shard ${index}/${count}: ${counts}\n${folder}`;
    })
    .join('\n');
}

/** Number of failed questions. */
function failures(outcome: Outcome): number {
  if (outcome.state === 'complete') return outcome.result.metrics.failed;
  return outcome.state === 'shard-complete' ? outcome.result.failed : 0;
}

/** Gradings that the judge did not give. */
function missingGrades(outcome: Outcome): number {
  return outcome.state === 'complete' ? (outcome.result.metrics.judge?.missing ?? 0) : 0;
}

function exitCode(outcomes: readonly Outcome[]): number {
  if (outcomes.some(({ state }) => state === 'interrupted')) return EXIT.interrupted;
  const failure = outcomes.find((outcome) => outcome.state === 'failed');
  if (failure) return failure.exitCode;
  return outcomes.some((outcome) => failures(outcome) + missingGrades(outcome) > 0)
    ? EXIT.someSamplesFailed
    : EXIT.done;
}
