import { MEAN_PERCENT } from '../results/statistics/formula.js';
import { pySplit, pyStrip } from '../shared/python-strings.js';
import type { Statistic } from './benchmark.js';

/** What the metrics use of a question of GQA. */
export interface GqaQuestion {
  question: string;
  answer: string;
  /** Questions that are not balanced are asked for the consistency alone. */
  isBalanced: boolean;
  types: { structural: string; semantic: string; detailed: string };
  /** Kind of answer, such as "color"; questions without one have no part in the distribution. */
  globalGroup: string | null;
  /** Ids of questions whose answers follow from this one's; its own id may be among them. */
  entailed: readonly string[];
  steps: number;
}

/** Answers that make sense for a question at all, and those that occur with its objects in the scene graphs. */
export interface GqaChoices {
  valid: readonly string[];
  plausible: readonly string[];
}

/** Scores of the questions by id. The metrics of one question are null where it does not count. */
export interface GqaScores {
  /** Percentages by name, and the distribution's chi-square. */
  scores: Record<string, number>;
  /** The questions' part of each main score that is a mean, 0 to 1. */
  perQuestion: Record<string, Map<string, number>>;
  /** How many of the entailed questions are asked. */
  entailed: { asked: number; all: number };
}

/** An answer as it is compared. Source: LLaVA convert_gqa_for_eval.py */
export function gqaPrediction(answer: string): string {
  let end = answer.length;
  while (answer[end - 1] === '.') end--;
  return answer.slice(0, end).toLowerCase();
}

/** Equality without regard to case and ASCII punctuation. Source: lmms-eval exact_match, with the options of its gqa task */
export function lmmsExactMatch(answer: string, gold: string): boolean {
  const bare = (text: string) => text.toLowerCase().replace(/[!-/:-@[-`{-~]/g, '');
  return bare(pyStrip(answer)) === bare(gold);
}

/** An operation of a question's functional program. */
export interface GqaOperation {
  operation: string;
  argument: string;
}

/** Steps of reasoning: operations other than the last, which only asks. Source: GQA eval.py, getStepsNum */
export function stepsOf(program: readonly GqaOperation[]): number {
  const asking = ['exist', 'query: name', 'choose name'];
  const asks = ({ operation, argument }: GqaOperation) =>
    asking.some((start) => `${operation}: ${argument}`.includes(start));
  return program.filter((step) => !asks(step)).length;
}

/**
 * The metrics of GQA's eval.py, but for the grounding of attention models.
 *
 * Consistency is what eval.py prints when all entailed questions are asked; where some are not eval.py stops, and the
 * score over those asked is called "consistency/asked".
 * @param questions by id, in the order of the native file: the sums' order of eval.py
 * @param predictions by id; questions without one count as wrong
 * @param choices by id, for validity and plausibility
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
  const scores = breakdown(balanced, accuracy);

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
      scores[metric] = percent([...perQuestion[metric].values()]);
    }
  }

  const entailedOf = ([id, { entailed }]: [string, GqaQuestion]) => entailed.filter((other) => other !== id);
  const all = balanced.flatMap(entailedOf);
  const asked = all.filter((id) => questions.has(id));
  if (asked.length > 0) {
    const metric = asked.length === all.length ? 'consistency' : 'consistency/asked';
    const consistency = new Map<string, number>();
    for (const entry of balanced) {
      const entailed = entailedOf(entry).filter((id) => questions.has(id));
      if (isCorrect(entry[0]) && entailed.length > 0) {
        consistency.set(entry[0], entailed.filter(isCorrect).length / entailed.length);
      }
    }
    perQuestion[metric] = consistency;
    scores[metric] = percent([...consistency.values()]);
  }

  const distribution = chiSquare(balanced, predictions);
  if (distribution !== null) scores['distribution'] = distribution / 100;
  return { scores, perQuestion, entailed: { asked: asked.length, all: all.length } };
}

/** Attributes of any kind are allowed where a question asks what things have in common. Source: GQA eval.py, belongs */
function allowed({ types }: GqaQuestion, choices: readonly string[]): readonly string[] {
  return types.detailed.includes('Common') ? ['color', 'material', 'shape'] : choices;
}

/** Accuracy, and accuracy by kind of question and length; parts of a kind are sorted. */
function breakdown(
  questions: readonly [string, GqaQuestion][],
  accuracy: ReadonlyMap<string, number>,
): Record<string, number> {
  const kinds: Record<string, (question: GqaQuestion) => string | number> = {
    '': ({ types }) => (types.structural === 'query' ? 'open' : 'binary'),
    'structural/': ({ types }) => types.structural,
    'semantic/': ({ types }) => types.semantic,
    'detailed/': ({ types }) => types.detailed,
    'steps/': ({ steps }) => steps,
    'words/': ({ question }) => pySplit(question).length,
  };
  const scores: Record<string, number> = { accuracy: percent([...accuracy.values()]) };
  for (const [kind, partOf] of Object.entries(kinds)) {
    const parts = new Map<string | number, number[]>();
    for (const [id, question] of questions) {
      const part = partOf(question);
      const members = parts.get(part);
      if (members) members.push(accuracy.get(id)!);
      else parts.set(part, [accuracy.get(id)!]);
    }
    const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [part, members] of sorted) scores[`accuracy/${kind}${part}`] = percent(members);
  }
  return scores;
}

/**
 * How far the answers' frequencies are from the right ones: chi-square of each group, averaged over groups by their
 * size; lower is better. Answers that are right nowhere in their group do not count. Source: GQA eval.py, chiSquare
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

/** Mean in percent; 0 for no scores, as eval.py has it. */
function percent(scores: readonly number[]): number {
  return scores.length === 0 ? 0 : (scores.reduce((sum, score) => sum + score, 0) / scores.length) * 100;
}

/** The mean over those questions that count, in percent. @param scores 0 to 1; null where a question does not count */
export function partMeanStatistic(scores: readonly (number | null)[]): Statistic {
  const counts = new Float64Array(2 * scores.length);
  scores.forEach((score, i) => {
    if (score === null) return;
    counts[2 * i] = score;
    counts[2 * i + 1] = 1;
  });
  return { width: 2, counts, formula: MEAN_PERCENT };
}
