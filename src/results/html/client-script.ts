import { readFileSync } from 'node:fs';

/** Each after those that it imports. */
const MODULES = ['word-differences', 'filters-in-address', 'sample-elements', 'question-view', 'sample-browser'];

/** What only separate modules need. */
const MODULE_LINES = /^(?:import [^;]*;|export \{[^}]*\};|\/\/# sourceMappingURL=.*)\n?/gm;

/**
 * The modules of the page's script as one: a page that loads nothing cannot import them. No two of them may use a name twice
 * at their top level.
 */
export function clientScript(): string {
  const sources = MODULES.map((name) => readFileSync(new URL(`./client/${name}.js`, import.meta.url), 'utf8'));
  return sources.map((source) => source.replace(MODULE_LINES, '').replace(/^export (?=const|function)/gm, '')).join('');
}
