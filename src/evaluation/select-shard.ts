import { min } from 'simple-statistics';
import type { Question } from '../benchmarks/benchmark.js';
import type { Shard } from '../results/runs/run-identity.js';
import { groupByImage, MAX_QUESTIONS_PER_ROW, type QuestionGroup } from './plan-batches.js';

const CHARACTERS_PER_TOKEN = 4; // English text in LLaMA's vocabulary
/** Estimated cost of generating an answer, in prompt tokens; the same for every question. */
const ANSWER_TOKENS = 16;

/**
 * Selects the questions of one shard, in the benchmark's order. All questions about an image go to the same shard, so that
 * rows are packed as in a whole run; shards have about equal cost. Deterministic: every machine computes the same shards.
 * @param visualTokens visual tokens per image
 */
export function selectShard(questions: readonly Question[], { index, count }: Shard, visualTokens: number): Question[] {
  const groups = groupByImage(questions, Number.POSITIVE_INFINITY)
    // Questions without an image have nothing to share.
    .flatMap((group) => (group.image === null ? groupByImage(group.questions) : [group]))
    .map((group) => ({ group, cost: costOf(group, visualTokens) }))
    .sort((a, b) => b.cost - a.cost); // stable
  const loads = new Array<number>(count).fill(0);
  const selected: Question[] = [];
  for (const { group, cost } of groups) {
    const lightest = loads.indexOf(min(loads));
    loads[lightest]! += cost;
    if (lightest === index - 1) for (const question of group.questions) selected.push(question);
  }
  return selected.sort((a, b) => a.index - b.index);
}

/** Approximate cost of a group, in prompt tokens. */
function costOf({ image, questions }: QuestionGroup, visualTokens: number): number {
  const rows = image === null ? 0 : Math.ceil(questions.length / MAX_QUESTIONS_PER_ROW);
  const text = questions.reduce((sum, question) => sum + question.text.length / CHARACTERS_PER_TOKEN, 0);
  return rows * visualTokens + text + questions.length * ANSWER_TOKENS;
}
