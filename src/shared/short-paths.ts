import { resolve, sep } from 'node:path';
import { max } from 'simple-statistics';

/** The ends of paths that tell them apart: the files' names, with as many folders as it takes where some have the same. */
export function shortPaths(paths: readonly string[]): string[] {
  const parts = paths.map((path) => resolve(path).split(sep));
  const short: (string | undefined)[] = paths.map(() => undefined);
  const longest = max([0, ...parts.map(({ length }) => length)]);
  for (let length = 1; length <= longest && short.includes(undefined); length++) {
    const ends = parts.map((path) => path.slice(-length).join('/'));
    const counts = new Map<string, number>();
    for (const end of ends) counts.set(end, (counts.get(end) ?? 0) + 1);
    ends.forEach((end, i) => {
      if (counts.get(end) === 1) short[i] ??= end;
    });
  }
  return short.map((end, i) => end ?? paths[i]!);
}
