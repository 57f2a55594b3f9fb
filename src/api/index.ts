/*
 * What programs may import from 'llavahr'; docs/api.md describes it. Everything else may change in any version.
 * As a library llavahr writes errors and warnings to stderr, nothing else, until `setLogLevel` is called.
 */
import { openLog } from '../shared/log.js';

openLog('warn');

export type { Answers, LoadedBenchmark, Protocol, Question, SplitInfo } from '../benchmarks/benchmark.js';
export type { PredictionSet } from '../benchmarks/prediction-formats/read-predictions.js';
export type { JudgeChoice } from '../evaluation/judge-answers.js';
export type { ScoredPredictions } from '../evaluation/score-predictions.js';
export { scorePredictions } from '../evaluation/score-predictions.js';
export type { Precision } from '../model/precision.js';
export type { Comparison, ComparisonRow, ScoreDifference, SortKey } from '../results/reports/compare.js';
export type { LatencySummary } from '../results/runs/latency.js';
export type { RunEntry } from '../results/runs/list-runs.js';
export { listRuns } from '../results/runs/list-runs.js';
export type { RunResult } from '../results/runs/load-run.js';
export { loadRun } from '../results/runs/load-run.js';
export type { Metrics } from '../results/runs/metrics.js';
export type { Prediction } from '../results/runs/predictions.js';
export type { Interval } from '../results/statistics/bootstrap.js';
export { UserError } from '../shared/errors.js';
export type { LogLevel } from '../shared/log.js';
export { VERSION } from '../shared/version.js';
export type { Benchmark, BenchmarkInfo, LoadBenchmarkOptions } from './benchmarks.js';
export { benchmarks, downloadBenchmark, loadBenchmark, scoreAnswers } from './benchmarks.js';
export type { EvaluateOptions, Model, OpenModelOptions, Progress } from './evaluate.js';
export { evaluate, openModel } from './evaluate.js';
export type { CompareRunsOptions } from './runs.js';
export { compareRuns, readAnswers } from './runs.js';
export { setLogLevel } from './set-log-level.js';
