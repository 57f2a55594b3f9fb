import type { Statistic } from '../results/statistics/formula.js';
import { MEAN_PERCENT } from '../results/statistics/formula.js';
import { lowerWithoutPunctuation, pyRstrip, pySplit, pyStrip } from '../shared/python-strings.js';
import { meanPercent } from './shared/statistics.js';

/** The fields of a GQA question that the metrics use. */
export interface GqaQuestion {
  question: string;
  answer: string;
  /** Unbalanced questions are only used for consistency. */
  isBalanced: boolean;
  types: { structural: string; semantic: string; detailed: string };
  /** Kind of answer, such as "color"; questions without one do not count for the distribution. */
  globalGroup: string | null;
  /** Ids of questions whose answers follow from this one's; may include its own id. */
  entailed: readonly string[];
  steps: number;
}

/** Answers in the scope of a question, and those that occur with its objects in the scene graphs. */
export interface GqaChoices {
  valid: readonly string[];
  plausible: readonly string[];
}

/** Scores of a set of questions. */
export interface GqaScores {
  /** Percentages by name, and the distribution's chi-square. */
  scores: Record<string, number>;
  /** Number of questions each score covers. */
  counts: Record<string, number>;
  /** Question scores (0 to 1) by id, for each main score that is a mean. */
  perQuestion: Record<string, Map<string, number>>;
  /** How many of the entailed questions are selected. */
  entailed: { selected: number; all: number };
}

/** Converts an answer for comparison. Source: LLaVA convert_gqa_for_eval.py */
export function gqaPrediction(answer: string): string {
  return pyRstrip(answer, '.').toLowerCase();
}

/** Equality ignoring case and ASCII punctuation. Source: lmms-eval exact_match with the options of its gqa task */
export function lmmsExactMatch(answer: string, gold: string): boolean {
  return lowerWithoutPunctuation(pyStrip(answer)) === lowerWithoutPunctuation(gold);
}

/** An operation of a question's functional program. */
export interface GqaOperation {
  operation: string;
  argument: string;
}

/** Number of reasoning steps: operations except those that only query the answer. Source: GQA eval.py, getStepsNum */
export function stepsOf(program: readonly GqaOperation[]): number {
  const queryOperations = ['exist', 'query: name', 'choose name'];
  const isQuery = ({ operation, argument }: GqaOperation) =>
    queryOperations.some((start) => `${operation}: ${argument}`.includes(start));
  return program.filter((step) => !isQuery(step)).length;
}

/**
 * The metrics of GQA's eval.py, except grounding (for attention models).
 *
 * "consistency" equals eval.py's when all entailed questions are selected. Otherwise eval.py aborts, and the score over the
 * selected ones is called "consistency/asked".
 * @param questions by id, in the order of the native file, which is eval.py's order of summation
 * @param predictions by question id; questions without one count as wrong
 * @param choices by question id, for validity and plausibility
 */
export function gqaScores(
  questions: ReadonlyMap<string, GqaQuestion>,
  predictions: ReadonlyMap<string, string>,
  choices: ReadonlyMap<string, GqaChoices> | null,
): GqaScores {
  const balanced = [...questions].filter(([, { isBalanced }]) => isBalanced);
  const isCorrect = (id: string) => predictions.get(id) === questions.get(id)!.answer;
  const accuracy = new Map(balanced.map(([id]) => [id, Number(isCorrect(id))]));
  const perQuestion: GqaScores['perQuestion'] = { accuracy };
  const { scores, counts } = breakdown(balanced, accuracy);

  if (choices) {
    for (const [metric, kind] of [
      ['validity', 'valid'],
      ['plausibility', 'plausible'],
    ] as const) {
      perQuestion[metric] = new Map(
        balanced.map(([id, question]) => {
          const prediction = predictions.get(id);
          return [
            id,
            Number(prediction !== undefined && allowed(question, choices.get(id)![kind]).includes(prediction)),
          ];
        }),
      );
      scores[metric] = meanPercent([...perQuestion[metric].values()]);
      counts[metric] = balanced.length;
    }
  }

  const entailedOf = ([id, { entailed }]: [string, GqaQuestion]) => entailed.filter((other) => other !== id);
  const all = balanced.flatMap(entailedOf);
  const selected = all.filter((id) => questions.has(id));
  if (selected.length > 0) {
    const metric = selected.length === all.length ? 'consistency' : 'consistency/asked';
    const consistency = new Map<string, number>();
    for (const entry of balanced) {
      const entailed = entailedOf(entry).filter((id) => questions.has(id));
      if (isCorrect(entry[0]) && entailed.length > 0) {
        consistency.set(entry[0], entailed.filter(isCorrect).length / entailed.length);
      }
    }
    perQuestion[metric] = consistency;
    scores[metric] = meanPercent([...consistency.values()]);
    counts[metric] = consistency.size;
  }

  const distribution = chiSquare(balanced, predictions);
  if (distribution !== null) {
    scores['distribution'] = distribution / 100;
    counts['distribution'] = balanced.filter(([, { globalGroup }]) => globalGroup !== null).length;
  }
  return { scores, counts, perQuestion, entailed: { selected: selected.length, all: all.length } };
}

/** Questions about what objects have in common allow any kind of attribute. Source: GQA eval.py, belongs */
function allowed({ types }: GqaQuestion, choices: readonly string[]): readonly string[] {
  return types.detailed.includes('Common') ? ['color', 'material', 'shape'] : choices;
}

/** Overall accuracy, and accuracy by question type, steps and length in words, each sorted. */
function breakdown(
  questions: readonly [string, GqaQuestion][],
  accuracy: ReadonlyMap<string, number>,
): Pick<GqaScores, 'scores' | 'counts'> {
  const kinds: Record<string, (question: GqaQuestion) => string | number> = {
    '': ({ types }) => (types.structural === 'query' ? 'open' : 'binary'),
    'structural/': ({ types }) => types.structural,
    'semantic/': ({ types }) => types.semantic,
    'detailed/': ({ types }) => types.detailed,
    'steps/': ({ steps }) => steps,
    'words/': ({ question }) => pySplit(question).length,
  };
  const scores: Record<string, number> = { accuracy: meanPercent([...accuracy.values()]) };
  const counts: Record<string, number> = { accuracy: accuracy.size };
  for (const [kind, partOf] of Object.entries(kinds)) {
    const parts = new Map<string | number, number[]>();
    for (const [id, question] of questions) {
      const part = partOf(question);
      const members = parts.get(part);
      if (members) members.push(accuracy.get(id)!);
      else parts.set(part, [accuracy.get(id)!]);
    }
    const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [part, members] of sorted) {
      scores[`accuracy/${kind}${part}`] = meanPercent(members);
      counts[`accuracy/${kind}${part}`] = members.length;
    }
  }
  return { scores, counts };
}

/**
 * Distance between the distributions of predicted and correct answers: chi-square per group, averaged with group sizes as
 * weights; lower is better. Predictions that are not the answer of any question in their group do not count.
 * Source: GQA eval.py, chiSquare
 * @returns null when no question has a group
 */
function chiSquare(
  questions: readonly [string, GqaQuestion][],
  predictions: ReadonlyMap<string, string>,
): number | null {
  const groups = new Map<string, { gold: Map<string, number>; predicted: Map<string, number> }>();
  for (const [id, { answer, globalGroup }] of questions) {
    if (globalGroup === null) continue;
    const group = groups.get(globalGroup) ?? { gold: new Map(), predicted: new Map() };
    groups.set(globalGroup, group);
    count(group.gold, answer);
    const prediction = predictions.get(id);
    if (prediction !== undefined) count(group.predicted, prediction);
  }
  let sum = 0;
  let size = 0;
  for (const { gold, predicted } of groups.values()) {
    let score = 0;
    let overall = 0;
    for (const [answer, expected] of gold) {
      score += ((predicted.get(answer) ?? 0) - expected) ** 2 / expected;
      overall += expected;
    }
    sum += score * overall;
    size += overall;
  }
  return size === 0 ? null : sum / size;
}

function count(counts: Map<string, number>, answer: string): void {
  counts.set(answer, (counts.get(answer) ?? 0) + 1);
}

/** Statistic for the mean over the questions that count, in percent. @param scores 0 to 1; null for questions that do not count */
export function partMeanStatistic(scores: readonly (number | null)[]): Statistic {
  const counts = new Float64Array(2 * scores.length);
  scores.forEach((score, i) => {
    if (score === null) return;
    counts[2 * i] = score;
    counts[2 * i + 1] = 1;
  });
  return { width: 2, counts, formula: MEAN_PERCENT };
}
