import { readFileSync } from 'node:fs';

/** Largest resident size of this process so far, its threads included. */
export function peakMemoryBytes(): number {
  return fromProc() ?? process.resourceUsage().maxRSS * 1024; // Node gives kibibytes on every platform
}

/** On Linux resourceUsage() begins with the peak of the process that started this one; this figure does not. */
function fromProc(): number | null {
  if (process.platform !== 'linux') return null;
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    return kibibytes === undefined ? null : Number(kibibytes) * 1024;
  } catch {
    return null;
  }
}
