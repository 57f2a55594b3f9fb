import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { startRunner } from '../../fuzz/run-cases.js';
import { TARGETS, targetModule } from '../../fuzz/targets.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-fuzz-'));
const runner = startRunner();
after(() => {
  runner.close();
  return rm(folder, { recursive: true, force: true });
});

/** Any; another one is another test, which `npm run fuzz` makes at length. */
const SEED = 1;
const CASES = 25;
/** Each starts a process. */
const PARQUET_CASES = 5;

for (const name of TARGETS) {
  const cases = name === 'parquet' ? PARQUET_CASES : CASES;
  test(`${cases} damaged files of the target ${name} are read or refused`, async () => {
    const { findings, count } = await runner.run({
      module: targetModule(name),
      seed: SEED,
      from: 0,
      folder: join(folder, name),
      keep: null,
      goOn: (index) => index < cases,
    });
    assert.equal(count, cases);
    assert.deepEqual(findings, []);
  });
}

const MISBEHAVIOURS = [
  ['unexpected error', /not a UserError: TypeError: not for users/],
  ['hang', /not finished within 1 s/],
  ['end', /the process ended \(code 7\)/],
  ['stray rejection', /the process ended \(code 1\).*nobody waits for this/s],
  ['full memory', /the process ended \(SIGABRT\).*heap out of memory/s],
] as const;

async function findingsOf(way: string): Promise<string[]> {
  const url = new URL(`./misbehaving-target.js?way=${encodeURIComponent(way)}`, import.meta.url);
  const { findings } = await runner.run({
    module: url.href,
    seed: SEED,
    from: 0,
    folder: join(folder, way),
    keep: null,
    goOn: (index) => index < 1,
    ...(way === 'hang' ? { timeoutMs: 1000 } : {}),
  });
  return findings.map(({ problem }) => problem);
}

test('a refusal is no finding; an unexpected error, a hang, an end, a stray rejection and a full memory are', async () => {
  assert.deepEqual(await findingsOf('refusal'), []);
  for (const [way, problem] of MISBEHAVIOURS) assert.match((await findingsOf(way)).join(), problem, way);
});
