import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { min } from 'simple-statistics';

/**
 * The cores' worth of time that a container's limit (cgroup v1 or v2) leaves this process, such as 1.5; null without a
 * limit.
 * @param root of the file system, for tests
 */
export function cpuQuota(root = '/'): number | null {
  const read = (path: string): string | null => {
    try {
      return readFileSync(join(root, path), 'latin1').trim();
    } catch {
      return null;
    }
  };
  const [, own = ''] = /^0::(\/.*)$/m.exec(read('proc/self/cgroup') ?? '') ?? [];
  const ofGroups = [own, ''].map((group) => read(`sys/fs/cgroup${group}/cpu.max`)?.split(' ') ?? []);
  const ofVersion1 = ['quota', 'period'].map((name) => read(`sys/fs/cgroup/cpu/cpu.cfs_${name}_us`));
  const cores = [...ofGroups, ofVersion1]
    .map(([quota, period]) => Number(quota ?? Number.NaN) / Number(period ?? Number.NaN))
    .filter((value) => value > 0 && Number.isFinite(value));
  return cores.length === 0 ? null : min(cores);
}
