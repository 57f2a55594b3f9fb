import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { selectBenchmarks } from '../benchmarks/registry.js';
import { officialQuestions } from '../evaluation/official-questions.js';
import { compareRuns } from '../results/reports/compare.js';
import { findRuns } from '../results/runs/find-runs.js';
import type { RunResult } from '../results/runs/load-run.js';
import { readQuestionScores } from '../results/runs/question-scores.js';
import { modelKey } from '../results/runs/run-names.js';
import { signedText } from '../results/statistics/digits.js';
import { detectableByQuestions, questionsToDetect } from '../results/statistics/power.js';
import { countOf } from '../shared/count-of.js';
import { EXIT, usageError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { wrapText } from '../shared/wrap-text.js';
import { terminalWidth } from '../terminal/style.js';
import { type Align, renderTable } from '../terminal/table.js';
import { type Power, type PowerJson, printJson } from './json-output.js';

export interface PowerCommandOptions {
  /** Percentage points. */
  difference?: number;
  /** Percentages of questions. */
  disagreement?: number[];
  /** Two run folders or model names. */
  pilot?: string[];
  /** Folder to search for the finished runs of models given by name (default: results). */
  results?: string;
  json: boolean;
}

const USUAL_DISAGREEMENT = [5, 10, 20];

/** `llavahr power`: how many questions show a difference between two models, or which difference all questions show. */
export async function powerCommand(names: string, options: PowerCommandOptions): Promise<number> {
  const benchmarks = selectBenchmarks(names);
  const { pilot, results, disagreement, difference, json } = options;
  if (results !== undefined && !pilot) throw usageError('--results needs --pilot.');
  const powers = pilot
    ? await powersFromPilot(names === 'all' ? null : benchmarks, pilot, options)
    : benchmarks.flatMap(({ name, splits }) =>
        splits.flatMap(({ name: split, scored, questions }) => {
          if (scored !== 'here' || questions === null) return [];
          const of = { benchmark: name, split, questions };
          return (disagreement ?? USUAL_DISAGREEMENT).map((share) => powerOf(of, share, difference));
        }),
      );
  if (powers.length === 0) throw usageError(`No split of ${names} is scored here.`);
  if (json) printJson<PowerJson>({ powers });
  else console.log(pilot ? pilotTable(powers, difference) : powerTable(powers, difference));
  return EXIT.done;
}

function powerOf(of: Pick<Power, 'benchmark' | 'split' | 'questions'>, percent: number, wanted?: number): Power {
  const share = percent / 100;
  const detectable = detectableByQuestions(of.questions, share);
  return {
    ...of,
    disagreement: percent,
    detectable: detectable === null ? null : 100 * detectable,
    ...(wanted !== undefined && {
      needed: wanted > percent ? null : Math.ceil(questionsToDetect(wanted / 100, share)),
    }),
  };
}

/**
 * From the standard error of the difference between two runs, which falls with the square root of the number of questions.
 * It covers scores between right and wrong, and questions that share images.
 */
async function powersFromPilot(
  wanted: readonly BenchmarkDefinition[] | null,
  names: readonly string[],
  { results = 'results', difference }: PowerCommandOptions,
): Promise<Power[]> {
  if (names.length !== 2) throw usageError(`--pilot takes two runs or models, got ${names.length}.`);
  const found = await findRuns(names, results);
  for (const message of found.messages) say('warn', message);
  const entries = await Promise.all(
    found.runs.map(async (run) => ({ run, questions: await readQuestionScores(run.folder) })),
  );
  const powers = compareRuns(entries, { baseline: modelKey(entries[0]!.run) })
    .filter(({ benchmark }) => wanted === null || wanted.some(({ name }) => name === benchmark))
    .flatMap(({ rows }) =>
      rows.flatMap(({ run, label, difference: seen }) => {
        if (!seen?.detectable) return [];
        const baseline = rows.find(({ isBaseline }) => isBaseline)!.label;
        return [fromPilot(run, { baseline, model: label, difference: seen.points, detectable: seen.detectable })];
      }),
    );
  if (powers.length > 0) return powers.map((power) => ({ ...power, ...neededFrom(power, difference) }));
  throw usageError(
    'The pilot shows no differences: give two runs of the same questions of one benchmark, whose answers are not all alike.',
  );
}

function fromPilot(
  { metrics }: RunResult,
  seen: Omit<NonNullable<Power['pilot']>, 'questions'>,
): Required<Pick<Power, 'pilot'>> & Power {
  const { benchmark, split, n } = metrics;
  const questions = officialQuestions({ metrics }) ?? n;
  return {
    benchmark,
    split,
    questions,
    detectable: seen.detectable * Math.sqrt(n / questions),
    pilot: { ...seen, questions: n },
  };
}

function neededFrom({ pilot }: Power, wanted?: number): { needed?: number } {
  if (wanted === undefined || !pilot) return {};
  return { needed: Math.ceil(pilot.questions * (pilot.detectable / wanted) ** 2) };
}

/** One row per split, one column per share of disagreement. */
function powerTable(powers: readonly Power[], difference?: number): string {
  const shares = [...new Set(powers.map(({ disagreement }) => disagreement!))];
  const splits = new Map(powers.map((power) => [`${power.benchmark} ${power.split}`, power]));
  const rows = [...splits.values()].map(({ benchmark, split, questions }) => {
    const own = powers.filter((power) => power.benchmark === benchmark && power.split === split);
    return [benchmark, split, count(questions), ...own.map((power) => cell(power, difference))];
  });
  const heads = shares.map((share) => `${share} % differ`);
  const align: Align[] = ['left', 'left', 'right', ...heads.map((): Align => 'right')];
  const what =
    difference === undefined
      ? 'Smallest difference in accuracy (percentage points) that all questions of a split show'
      : `Questions that show a difference in accuracy of ${countOf(difference, 'percentage point')}`;
  return [
    wrapText(`${what}, if exactly one of two models is right on the given share of the questions:`, terminalWidth),
    '',
    renderTable(['benchmark', 'split', 'questions', ...heads], rows, align, { keys: 2 }),
    '',
    wrapText(
      'Two-sided test at the 5 % level, power 80 %, the same questions for both models. Questions count as independent; where ' +
        'several share an image, more may be needed. Scores between right and wrong need no more. --pilot takes both from runs.',
      terminalWidth,
    ),
  ].join('\n');
}

function cell({ detectable, needed, questions }: Power, difference?: number): string {
  if (difference === undefined) return detectable === null ? '-' : detectable.toFixed(2);
  if (needed === null || needed === undefined) return '-';
  return needed > questions ? `${count(needed)} (has fewer)` : count(needed);
}

function pilotTable(powers: readonly Power[], difference?: number): string {
  const wanted = difference === undefined ? [] : [`questions for ${difference} points`];
  const titles = [
    'benchmark',
    'model',
    'pilot questions',
    'difference',
    'detectable',
    'split',
    'questions',
    'detectable then',
  ];
  const rows = powers.map(({ benchmark, split, questions, detectable, needed, pilot }) => [
    benchmark,
    pilot!.model,
    count(pilot!.questions),
    signedText(pilot!.difference, 2),
    pilot!.detectable.toFixed(2),
    split,
    count(questions),
    detectable!.toFixed(2),
    ...(needed === undefined || needed === null
      ? []
      : [needed > questions ? `${count(needed)} (has fewer)` : count(needed)]),
  ]);
  const align: Align[] = [
    'left',
    'left',
    'right',
    'right',
    'right',
    'left',
    'right',
    'right',
    ...wanted.map((): Align => 'right'),
  ];
  return [
    renderTable([...titles, ...wanted], rows, align),
    '',
    wrapText(
      `Differences from ${powers[0]!.pilot!.baseline}, in the unit of the benchmark's main score. Detectable: the smallest difference that a two-sided test at ` +
        "the 5 % level finds with a power of 80 %, from a paired bootstrap over the pilot's images; it falls with the square " +
        'root of the number of questions.',
      terminalWidth,
    ),
  ].join('\n');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
