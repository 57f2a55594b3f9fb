import { closestMatch } from 'leven';

/** A name without case and separators: llavahr7b for LLaVA-HR_7B. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** The known name that a user means, whatever its case and separators; null if there is none. */
export function nameAmong(name: string, known: readonly string[]): string | null {
  if (known.includes(name)) return name;
  const wanted = plain(name);
  return wanted === '' ? null : (known.find((one) => plain(one) === wanted) ?? null);
}

/** Shortest beginning that two names must share for one to be suggested in place of the other. */
const SHORTEST_BEGINNING = 3;

/** " Did you mean llava-hr-7b?", with a space before it; empty when no known name is similar. */
export function didYouMean(name: string, known: readonly string[]): string {
  const wanted = plain(name);
  const candidates = [...new Set(known.map(plain))].filter((one) => one !== '');
  const maxDistance = wanted.length < 4 ? 1 : Math.max(2, Math.floor(wanted.length / 4));
  const begins = candidates.find(
    (one) =>
      (one.startsWith(wanted) || wanted.startsWith(one)) && Math.min(one.length, wanted.length) >= SHORTEST_BEGINNING,
  );
  const closest = closestMatch(wanted, candidates, { maxDistance }) ?? begins;
  const found = known.find((one) => plain(one) === closest);
  return found === undefined ? '' : ` Did you mean ${found}?`;
}
