import { HOSTILE_NAMES } from './hostile-names.js';
import { mutateBytes } from './mutate-bytes.js';
import type { Random } from './random.js';

const DEPTH = 100_000;
/** As JSON text, since JSON.stringify cannot produce all of them. */
const STRANGE_VALUES = [
  ...['null', 'true', 'false', '0', '-0', '-1', '1', '0.5', '1e308', '1e999', '-1e999', '9007199254740993'],
  ...['18446744073709551615', `1${'0'.repeat(400)}`, '""', '"\\u0000"', '"\\ud800"', '"\\u001b[2J"', '"<image>"'],
  ...['[]', '{}', '[[]]', '{"":0}', '{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}'],
  ...['"toString"', '"__proto__"', `"${'a'.repeat(100_000)}"`, `"${'\\u20ac'.repeat(1000)}"`],
];
/** Generated on demand, because they are long. */
const DEEP_VALUES = [
  () => '['.repeat(DEPTH) + ']'.repeat(DEPTH),
  () => `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
];
const STRANGE_KEYS = ['__proto__', 'constructor', 'toString', 'length', '', '\u0000', '0', '-1', '../x'];

/** The change to the n-th value in document order. */
interface Change {
  at: number;
  kind: 'replace' | 'remove' | 'repeat' | 'rename' | 'swap';
}

/**
 * A damaged copy of a JSON text: usually with one value replaced, removed, repeated or renamed, so that the rest
 * remains valid; sometimes with damaged bytes.
 */
export function mutateJson(text: string, random: Random): Buffer {
  if (random.chance(0.25)) return mutateBytes(Buffer.from(text), random);
  if (random.chance(0.02)) return Buffer.from(strangeValue(random));
  const document: unknown = JSON.parse(text);
  const values = countValues(document);
  const kinds = ['replace', 'replace', 'replace', 'remove', 'repeat', 'rename', 'swap'] as const;
  const change: Change = { at: random.below(values), kind: random.pick(kinds) };
  return Buffer.from(write(document, change, { seen: 0 }, random));
}

/** JSON Lines with one line damaged, truncated, duplicated or removed. */
export function mutateJsonLines(text: string, random: Random): Buffer {
  if (random.chance(0.2)) return mutateBytes(Buffer.from(text), random);
  const lines = text.trimEnd().split('\n');
  const at = random.below(lines.length);
  const mutated = mutateJson(lines[at]!, random);
  const before = Buffer.from(
    lines
      .slice(0, at)
      .map((line) => `${line}\n`)
      .join(''),
  );
  const after = Buffer.from(
    lines
      .slice(at + 1)
      .map((line) => `\n${line}`)
      .join(''),
  );
  return Buffer.concat([before, mutated, ...(random.chance(0.1) ? [Buffer.from('\n'), mutated] : []), after]);
}

function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return 1 + Object.values(value).reduce((sum: number, child) => sum + countValues(child), 0);
}

function write(value: unknown, change: Change, state: { seen: number }, random: Random): string {
  const isHere = state.seen++ === change.at;
  if (isHere && change.kind === 'replace') {
    state.seen += countValues(value) - 1;
    return strangeValue(random);
  }
  if (typeof value !== 'object' || value === null) {
    return isHere && change.kind === 'swap' ? JSON.stringify(String(value)) : JSON.stringify(value);
  }
  const isList = Array.isArray(value);
  const parts = Object.entries(value).flatMap(([key, child]) => {
    const isNext = state.seen === change.at;
    const text = write(child, change, state, random);
    const named = (name: string): string => (isList ? text : `${JSON.stringify(name)}:${text}`);
    if (isNext && change.kind === 'remove') return [];
    if (isNext && change.kind === 'repeat') return [named(key), named(key)];
    if (isNext && change.kind === 'rename') return [named(random.pick(STRANGE_KEYS))];
    return [named(key)];
  });
  const asList = isHere && change.kind === 'swap' ? !isList : isList;
  if (asList === isList) return isList ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
  const children = Object.values(value).map((child) => JSON.stringify(child));
  return asList ? `[${children.join(',')}]` : `{${children.map((child, i) => `"${i}":${child}`).join(',')}}`;
}

function strangeValue(random: Random): string {
  if (random.chance(0.04)) return random.pick(DEEP_VALUES)();
  if (random.chance(0.2)) return JSON.stringify(random.pick(HOSTILE_NAMES));
  return random.pick(STRANGE_VALUES);
}
