import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { OptionValue } from '../results/runs/run-identity.js';
import { usageError } from '../shared/errors.js';
import type { BenchmarkDefinition, LoadedBenchmark, LoadOptions, Protocol } from './benchmark.js';
import { restrictToRows } from './shared/restrict-to-rows.js';

/** Which of a benchmark's questions are asked: some in a row, some drawn at random, or those of certain ids. */
export interface QuestionSelection {
  /** Only the first n questions, after those that `offset` skips. */
  limit?: number;
  /** Skip the first n questions. */
  offset?: number;
  /** Ask n questions drawn at random. */
  sample?: number;
  /** Of the random numbers (default: 0). */
  seed?: number;
  /** Ask the questions with one of these ids. */
  ids?: readonly string[];
}

export interface AskedOptions extends Omit<LoadOptions, 'limit'>, QuestionSelection {
  /** Most tokens of an answer (default: the benchmark's own limit). */
  maxNewTokens?: number;
  /** The rows that `ids` selected, as a run recorded them; in place of `ids`. */
  rows?: string;
}

/**
 * Loads a benchmark with the selected questions, numbered from 0 in the benchmark's order. Whatever differs from the whole
 * benchmark as it is asked officially is part of `protocol`.
 * @throws UserError (usage) when nothing is selected, or an id is unknown; as `BenchmarkDefinition.load`
 */
export async function loadAsked(
  { load }: BenchmarkDefinition,
  folder: string,
  { limit, offset = 0, sample, seed = 0, ids, rows, maxNewTokens, ...options }: AskedOptions,
): Promise<LoadedBenchmark> {
  // Scores say of how many questions they are: with an offset, of all.
  const benchmark = await load(folder, { ...options, ...(offset === 0 && { limit }) });
  const selected = selectQuestions(benchmark, { limit, offset, sample, seed, ids, rows });
  if (maxNewTokens === undefined || maxNewTokens === selected.maxNewTokens) return selected;
  return { ...selected, maxNewTokens, protocol: { ...selected.protocol, maxNewTokens } };
}

/** The options for `loadAsked` that a run's protocol records: all but where the files are. */
export function recordedOptions(
  recorded: Readonly<Record<string, OptionValue>>,
): Omit<AskedOptions, 'split' | 'questions' | 'ids' | 'images'> {
  const option = <T extends OptionValue>(name: string): T | undefined => (recorded[name] as T | null) ?? undefined;
  return {
    protocol: recorded['protocol'] as Protocol,
    ocrTokens: option<boolean>('ocrTokens'),
    metric: option<string>('metric'),
    limit: option<number>('limit'),
    offset: option<number>('offset'),
    sample: option<number>('sample'),
    seed: option<number>('seed'),
    rows: option<string>('rows'),
    maxNewTokens: option<number>('maxNewTokens'),
  };
}

function selectQuestions(
  benchmark: LoadedBenchmark,
  { limit, offset, sample, seed, ids, rows }: QuestionSelection & { offset: number; seed: number; rows?: string },
): LoadedBenchmark {
  const { name, split, questions } = benchmark;
  const count = questions.length;
  const restrict = (chosen: readonly number[], protocol: Record<string, OptionValue>): LoadedBenchmark => ({
    ...restrictToRows(benchmark, chosen),
    protocol: { ...benchmark.protocol, ...protocol },
  });
  if (ids !== undefined) {
    const chosen = rowsOfIds(benchmark, ids);
    return restrict(chosen, { rows: formatRows(chosen) });
  }
  if (rows !== undefined) return restrict(parseRows(rows, count), { rows });
  if (sample !== undefined && sample < count) return restrict(drawRows(count, sample, seed), { sample, seed });
  if (offset === 0) return benchmark;
  if (offset >= count) throw usageError(`--offset ${offset} skips all of the ${count} questions of ${name} ${split}.`);
  const end = Math.min(count, offset + (limit ?? count));
  const chosen = Array.from({ length: end - offset }, (_, i) => offset + i);
  return restrict(chosen, { offset, limit: limit ?? null });
}

/** @returns ascending @throws UserError (usage) for ids that no question has */
function rowsOfIds({ name, split, questions, sourceId }: LoadedBenchmark, ids: readonly string[]): number[] {
  const wanted = new Set(ids);
  const found = new Set<string>();
  const rows = questions.flatMap(({ index, questionId }) => {
    const own = [String(questionId), ...(sourceId === undefined ? [] : [String(sourceId(index))])];
    const matching = own.filter((id) => wanted.has(id));
    for (const id of matching) found.add(id);
    return matching.length > 0 ? [index] : [];
  });
  const unknown = [...wanted].filter((id) => !found.has(id));
  if (unknown.length > 0) {
    const shown = unknown.slice(0, 5).map((id) => JSON.stringify(id));
    const more = unknown.length > shown.length ? ` and ${unknown.length - shown.length} more` : '';
    throw usageError(`${name} ${split} has no question with the id ${shown.join(', ')}${more}.`);
  }
  return rows;
}

/** `sample` of `count` rows, ascending: the same for equal numbers and seeds, on every machine. */
function drawRows(count: number, sample: number, seed: number): number[] {
  const random = xoroshiro128plus(seed);
  const rows = Array.from({ length: count }, (_, row) => row);
  for (let i = 0; i < sample; i++) {
    const j = uniformInt(random, i, count - 1);
    [rows[i], rows[j]] = [rows[j]!, rows[i]!];
  }
  return rows.slice(0, sample).sort((a, b) => a - b);
}

/** Ascending rows as text: "0-2,7". */
function formatRows(rows: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const row of rows) {
    const last = ranges.at(-1);
    if (last && last[1] === row - 1) last[1] = row;
    else ranges.push([row, row]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** @param count rows there are; no others are returned, whatever the text says */
function parseRows(text: string, count: number): number[] {
  return text.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    const end = Math.min(last, count - 1);
    return Array.from({ length: Math.max(0, end - first + 1) || 0 }, (_, i) => first + i);
  });
}
