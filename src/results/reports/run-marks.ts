import { createHash } from 'node:crypto';
import { canonicalJson } from '../../shared/canonical-json.js';
import { countOf } from '../../shared/count-of.js';
import { askedQuestions } from '../runs/asked-questions.js';
import type { RunResult } from '../runs/load-run.js';
import { type OptionValue, optionText } from '../runs/run-identity.js';
import { modelKey } from '../runs/run-names.js';

/** Fields of the protocol that choose questions, of which `askedQuestions` tells, or that stand elsewhere too. */
const NOT_NAMED = ['limit', 'offset', 'sample', 'seed', 'rows', 'maxNewTokens'];

/**
 * What a run's score needs to be told from the others of its benchmark in a table: the part of the questions, and whatever
 * of split, protocol, limit of new tokens, data and judge differs between runs of one model. " (first 20, lmms-eval)"; empty
 * where there is nothing to tell. It belongs into the cell of the score, where no markup can lose it.
 * @param runs of one benchmark
 */
export function runMarks(runs: readonly RunResult[]): string[] {
  const settings = runs.map(settingsOf);
  const names = [...new Set(settings.flatMap((one) => [...one.keys()]))];
  const models = runs.map(modelKey);
  const differing = names.filter((name) => {
    const values = new Set(settings.map((one, i) => JSON.stringify([models[i], one.get(name) ?? null])));
    return values.size > new Set(models).size;
  });
  return runs.map(({ record }, i) => {
    const part = askedQuestions(record.identity.protocol);
    const marks = [
      ...(part === null ? [] : [part.mark]),
      ...differing.map((name) => settingText(name, settings[i]!.get(name) ?? null)),
    ];
    return marks.length > 0 ? ` (${marks.join(', ')})` : '';
  });
}

function settingsOf({ record, metrics }: RunResult): Map<string, OptionValue> {
  const { split, protocol, maxNewTokens, dataFiles } = record.identity;
  const named = Object.entries(protocol).filter(([name]) => !NOT_NAMED.includes(name));
  return new Map<string, OptionValue>([
    ['split', split],
    ...named,
    ['new tokens', maxNewTokens],
    ['data', createHash('sha256').update(canonicalJson(dataFiles)).digest('hex')],
    ['judge', metrics.judge?.model ?? null],
  ]);
}

const HASH_SHOWN = 8;

function settingText(name: string, value: OptionValue): string {
  if (typeof value === 'boolean') return value ? name : `no ${name}`;
  if (value === null) return `no ${name}`;
  if (name === 'protocol') return optionText(value);
  if (name === 'new tokens') return countOf(Number(value), 'new token');
  return `${name} ${name === 'data' || name === 'task' ? String(value).slice(0, HASH_SHOWN) : optionText(value)}`;
}
