import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEnergyMeter } from '../../../src/model/inference/energy-meter.js';
import { temporaryFolder } from '../../results/samples.js';

/** A package or a part of one, as Linux shows it. */
async function counter(root: string, name: string, what: string, microjoules: number): Promise<string> {
  await mkdir(join(root, name), { recursive: true });
  await writeFile(join(root, name, 'name'), `${what}\n`);
  await writeFile(join(root, name, 'max_energy_range_uj'), '1000000000\n');
  const path = join(root, name, 'energy_uj');
  await writeFile(path, `${microjoules}\n`);
  return path;
}

test('the energy of all packages is summed, also when a counter starts again; their parts do not count twice', async (t) => {
  const root = await temporaryFolder(t);
  const first = await counter(root, 'intel-rapl:0', 'package-0', 999_000_000);
  const second = await counter(root, 'intel-rapl:1', 'package-1', 5_000_000);
  await counter(root, 'intel-rapl:0:0', 'core', 1);
  await counter(root, 'intel-rapl:2', 'psys', 1);
  const meter = startEnergyMeter([], root);
  assert.deepEqual(meter.read(), { cpuJoules: 0, gpuJoules: null });
  await writeFile(first, '2000000\n');
  await writeFile(second, '6500000\n');
  assert.deepEqual(meter.read(), { cpuJoules: 4.5, gpuJoules: null });
  await writeFile(second, '7500000\n');
  meter.stop();
  await writeFile(second, '9500000\n');
  assert.equal(meter.read().cpuJoules, 5.5, 'what comes after the stop does not count');
});

test('where a counter cannot be read, nothing is measured', async (t) => {
  const root = await temporaryFolder(t);
  assert.equal(startEnergyMeter([], join(root, 'nothing')).read().cpuJoules, null);
  await counter(root, 'intel-rapl:0', 'package-0', 1);
  await counter(root, 'intel-rapl:1', 'package-1', 1);
  await writeFile(join(root, 'intel-rapl:1', 'energy_uj'), '');
  await writeFile(join(root, 'intel-rapl:1', 'max_energy_range_uj'), 'x');
  assert.equal(startEnergyMeter([], root).read().cpuJoules, null);
});

/** Puts an nvidia-smi on the path that prints lines, over and over. */
async function fakeSmi(t: TestContext, lines: string): Promise<void> {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'nvidia-smi');
  await writeFile(path, `#!/bin/sh\necho "$*" > ${folder}/asked\nwhile printf '${lines}'; do sleep 0.05; done\n`);
  await chmod(path, 0o755);
  const { PATH } = process.env;
  process.env['PATH'] = `${folder}${delimiter}${PATH}`;
  t.after(() => {
    process.env['PATH'] = PATH;
  });
}

const onPosix = { skip: process.platform === 'win32' && 'needs sh' };

test('power of several GPUs is summed over time; what nvidia-smi does not tell is not measured', onPosix, async (t) => {
  await fakeSmi(t, '100.00\\n200.00\\n');
  const nothing = join(await temporaryFolder(t), 'none');
  const start = performance.now();
  const meter = startEnergyMeter([0, 1], nothing);
  await sleep(600);
  meter.stop();
  const seconds = (performance.now() - start) / 1000;
  const { gpuJoules, cpuJoules } = meter.read();
  assert.equal(cpuJoules, null);
  assert.ok(gpuJoules! > 300 * (seconds - 0.4) && gpuJoules! <= 300 * seconds, `${gpuJoules} J in ${seconds} s`);

  await fakeSmi(t, '[N/A]\\n');
  const unknown = startEnergyMeter([0], nothing);
  await sleep(200);
  unknown.stop();
  assert.equal(unknown.read().gpuJoules, null);

  process.env['PATH'] = await temporaryFolder(t);
  const without = startEnergyMeter([0], nothing);
  await sleep(50);
  without.stop();
  assert.equal(without.read().gpuJoules, null);
});
