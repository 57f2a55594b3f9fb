import { mean } from 'simple-statistics';
import { bootstrapInterval, type Clusters, type Estimate, pairedBootstrap } from './bootstrap.js';
import type { RunResult } from './load-run.js';
import { type Difference, differences } from './run-identity.js';

/** Score of each question, 0 to 1, and the image it is about, in the benchmark's order. */
export interface QuestionScores {
  scores: readonly number[];
  clusters: Clusters;
}

/** The runs of one benchmark beside each other. */
export interface Comparison {
  benchmark: string;
  /** The score that is compared: the first run's headline; null where a server or a judge scores. */
  headline: string | null;
  rows: ComparisonRow[];
  /** What a reader must know before believing the numbers. */
  notes: string[];
}

export interface ComparisonRow {
  run: RunResult;
  /** null when the run has no score of the headline's name. */
  score: number | null;
  /** 95 % interval of the score, in its unit; null when it is unknown. */
  interval: Estimate | null;
  /** To the first run; null for the first run, and for one that answered other questions. */
  difference: ScoreDifference | null;
}

export interface ScoreDifference {
  points: number;
  /** 95 % interval of the difference; null when it is unknown. */
  interval: Estimate | null;
}

const SEED = 1; // any: but the same each time, so that a table can be made again
const PERCENT = 100;

/**
 * Compares runs with the first one of their benchmark. A run on other data, another split, limit or prompt keeps its row,
 * but gets no difference, and a note that names the field.
 * @param questionScores beside `runs`; with it come confidence intervals
 */
export function compareRuns(
  runs: readonly RunResult[],
  questionScores: readonly (QuestionScores | null)[] = [],
): Comparison[] {
  const names = [...new Set(runs.map((run) => run.metrics.benchmark))];
  const entries = runs.map((run, i) => ({ run, questions: questionScores[i] ?? null }));
  return names.map((name) => compareOne(entries.filter(({ run }) => run.metrics.benchmark === name)));
}

interface Entry {
  run: RunResult;
  questions: QuestionScores | null;
}

function compareOne(entries: Entry[]): Comparison {
  const first = entries[0]!;
  const { benchmark, headline } = first.run.metrics;
  const notes = new Set<string>();
  const rows = entries.map((entry): ComparisonRow => {
    const { run, questions } = entry;
    const score = scoreOf(run, headline);
    const isMean = score !== null && questions !== null && isMeanOf(score, questions);
    if (questions !== null && !isMean) notes.add(`${headline} is not the mean over the questions: no interval for it.`);
    const interval = isMean ? inPercent(bootstrapInterval(questions.scores, questions.clusters, { seed: SEED })) : null;
    for (const note of latencyNotes(first.run, run)) notes.add(note);

    const mismatches = run === first.run ? [] : incomparableFields(first.run, run);
    for (const { field, first: wanted, second: found } of mismatches) {
      notes.add(
        `${label(run)} is not comparable with ${label(first.run)}: ${field} is ${show(found)}, not ${show(wanted)}.`,
      );
    }
    const base = scoreOf(first.run, headline);
    const comparable = run !== first.run && mismatches.length === 0 && score !== null && base !== null;
    const difference = comparable ? { points: score - base, interval: pairedInterval(first, entry, isMean) } : null;
    return { run, score, interval, difference };
  });
  return { benchmark, headline, rows, notes: [...notes] };
}

function scoreOf({ metrics }: RunResult, name: string | null): number | null {
  return (name === null ? undefined : metrics.scores[name]) ?? null;
}

/** The fields that decide which questions were asked and how they were scored, where they differ. */
export function incomparableFields(first: RunResult, second: RunResult): Difference[] {
  return differences(first.record.identity, second.record.identity).filter(
    ({ field }) => !/^(model|device|preprocessingVersion)(\.|$)/.test(field),
  );
}

function pairedInterval(first: Entry, second: Entry, isMean: boolean): Estimate | null {
  if (!isMean || first.questions === null || second.questions === null) return null;
  const { scores, clusters } = first.questions;
  return inPercent(pairedBootstrap(scores, second.questions.scores, clusters, { seed: SEED }));
}

/** F1 or MME's sum are not means: an interval of the mean would be shown for another number. */
function isMeanOf(score: number, { scores }: QuestionScores): boolean {
  return scores.length > 0 && Math.abs(PERCENT * mean([...scores]) - score) < 0.005;
}

function inPercent(estimate: Estimate | null): Estimate | null {
  if (estimate === null) return null;
  return { mean: estimate.mean * PERCENT, low: estimate.low * PERCENT, high: estimate.high * PERCENT };
}

/** Reasons why two runs' times do not tell which model is faster. */
function latencyNotes(first: RunResult, second: RunResult): string[] {
  const machines = (run: RunResult) => [
    ...new Set(run.record.sessions.map(({ host }) => `${host.cpu ?? host.platform}, ${host.cores} cores`)),
  ];
  const own = machines(second);
  const notes = own.length > 1 ? [`${label(second)} was measured on several machines: ${own.join('; ')}.`] : [];
  const reference = machines(first);
  if (own.length === 1 && reference.length === 1 && own[0] !== reference[0]) {
    notes.push(
      `${label(second)} was measured on ${own[0]}, ${label(first)} on ${reference[0]}: do not compare their times.`,
    );
  }
  return notes;
}

/** How notes call a run. */
function label({ record }: RunResult): string {
  const { model, device } = record.identity;
  return `${model.name} at ${model.resolution} px (${model.precision}, ${device})`;
}

function show(value: unknown): string {
  return value === null ? 'none' : String(value);
}
