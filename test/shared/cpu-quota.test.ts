import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { cpuQuota } from '../../src/shared/cpu-quota.js';
import { temporaryFolder } from '../results/samples.js';

test("a container's CPU limit is read from either version of cgroups", async (t) => {
  const cases: [Record<string, string>, number | null][] = [
    [{}, null],
    [{ 'sys/fs/cgroup/cpu.max': 'max 100000\n' }, null],
    [{ 'sys/fs/cgroup/cpu.max': '150000 100000\n', 'proc/self/cgroup': '0::/\n' }, 1.5],
    [{ 'sys/fs/cgroup/job/cpu.max': '50000 100000\n', 'proc/self/cgroup': '0::/job\n' }, 0.5],
    [{ 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1', 'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000' }, null],
    [{ 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '300000', 'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000' }, 3],
  ];
  for (const [files, expected] of cases) {
    const root = await temporaryFolder(t);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
    assert.equal(cpuQuota(root), expected, JSON.stringify(files));
  }
});
