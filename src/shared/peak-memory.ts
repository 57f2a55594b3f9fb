import { readFileSync } from 'node:fs';

/** Peak resident memory of this process so far, including its threads, in bytes. */
export function peakMemoryBytes(): number {
  return fromProc() ?? process.resourceUsage().maxRSS * 1024; // Node reports kibibytes on all platforms
}

/** On Linux, resourceUsage() starts with the peak of the parent process; VmHWM does not. */
function fromProc(): number | null {
  if (process.platform !== 'linux') return null;
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    return kibibytes === undefined ? null : Number(kibibytes) * 1024;
  } catch {
    return null;
  }
}
