/*
 * The state of the sample browser in the address of the page, after `#browser?`, so that a link leads to what someone sees.
 * Benchmarks, categories and models go by their names: their numbers may be others on another page.
 */

/** What is not at its default, by name. */
export type BrowserState = Readonly<Record<string, string>>;

const PREFIX = '#browser?';

/** The state in the address; null if there is none. */
export function stateInAddress(): BrowserState | null {
  if (!location.hash.startsWith(PREFIX)) return null;
  return Object.fromEntries(new URLSearchParams(location.hash.slice(PREFIX.length)));
}

/** Replaces the state in the address; other addresses stay while there is nothing to say. */
export function putStateInAddress(state: BrowserState): void {
  const text = new URLSearchParams(state).toString();
  if (text === '' && !location.hash.startsWith(PREFIX)) return;
  history.replaceState(null, '', text === '' ? '#browser' : PREFIX + text);
}
