import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { median } from 'simple-statistics';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';

/** The time until `llavahr --help` has ended. */
export async function helpStart(): Promise<string> {
  const times = Array.from({ length: 10 }, () => {
    const start = performance.now();
    spawnSync(process.execPath, [join(PACKAGE_ROOT, 'bin', 'llavahr'), '--help']);
    return performance.now() - start;
  });
  const bare = Array.from({ length: 10 }, () => {
    const start = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    return performance.now() - start;
  });
  return `${median(times).toFixed(0)} ms, Node.js alone ${median(bare).toFixed(0)} ms (target: under 150 ms)`;
}
