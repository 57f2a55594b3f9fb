import { readFileSync } from 'node:fs';
import { gigabytes } from './byte-size.js';

const OUT_OF_MEMORY = /out of memory|cannot allocate|bad_alloc|failed to allocate|ENOMEM/i;

/**
 * What to do about a failure for want of memory in a process whose address space is limited: Node.js reserves 10 GB of it for
 * each WebAssembly module, used or not. Empty for other failures and without a limit.
 */
export function addressSpaceAdvice(message: string): string {
  const limit = OUT_OF_MEMORY.test(message) ? addressSpaceLimit() : null;
  return limit === null
    ? ''
    : ` The address space of this process is limited to ${gigabytes(limit)} GB: lift the limit with \`ulimit -v unlimited\`.`;
}

/** In bytes; null without a limit, and where the system does not say. */
function addressSpaceLimit(): number | null {
  try {
    const soft = /^Max address space\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
