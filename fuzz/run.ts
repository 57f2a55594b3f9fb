import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';
import { startRunner } from './run-cases.js';
import { TARGETS, targetModule } from './targets.js';

/*
 * `npm run fuzz [-- target ...] [--seconds n] [--seed s] [--case i]`: feeds damaged files to every reader of
 * untrusted files. The files of findings are kept in fuzz/findings; `--seed s --case i` runs one again.
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    case: { type: 'string' },
  },
});
const unknown = positionals.filter((name) => !TARGETS.some((target) => target === name));
if (unknown.length > 0) throw new Error(`unknown target ${unknown.join(', ')}; available: ${TARGETS.join(', ')}`);

const seed = Number(values.seed);
const only = values.case === undefined ? null : Number(values.case);
const names = positionals.length > 0 ? positionals : TARGETS;
const folder = await mkdtemp(join(tmpdir(), 'llavahr-fuzz-'));
const runner = startRunner();
let found = 0;
for (const name of names) {
  const end = performance.now() + Number(values.seconds) * 1000;
  const { findings, count } = await runner.run({
    module: targetModule(name),
    seed,
    from: only ?? 0,
    folder: join(folder, 'case'),
    goOn: (index) => (only === null ? performance.now() < end : index === only),
    keep: { folder: join(PACKAGE_ROOT, 'fuzz', 'findings'), name },
    onFinding: ({ index, problem }) => console.log(`${name}, seed ${seed}, case ${index}: ${problem}\n`),
  });
  console.log(`${name}: ${count} cases, ${findings.length} findings (seed ${seed})`);
  found += findings.length;
}
runner.close();
await rm(folder, { recursive: true, force: true });
process.exitCode = found > 0 ? 1 : 0;
