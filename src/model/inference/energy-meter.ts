import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { nvidiaSmiId } from './nvidia-smi.js';

/** Energy since the meter was started, joules, of all that ran meanwhile; null where it is not measured. */
export interface Energy {
  /** Packages of the processors, by RAPL. */
  cpuJoules: number | null;
  /** Boards of the GPUs, by nvidia-smi's samples of their power. */
  gpuJoules: number | null;
}

export interface EnergyMeter {
  /** After `stop`, the energy until then. */
  read(): Energy;
  stop(): void;
}

const POWERCAP = '/sys/class/powercap';
/** RAPL's counters wrap around after some minutes at full power. */
const POLL_MS = 5000;
const GPU_SAMPLE_MS = 200;

/**
 * @param gpus indices as in `cuda:1`; none to measure the CPU alone
 * @param powercap Linux' folder of RAPL's counters, which by default only root may read
 */
export function startEnergyMeter(gpus: readonly number[], powercap = POWERCAP): EnergyMeter {
  const cpu = startCpuMeter(powercap);
  const gpu = gpus.length === 0 ? null : startGpuMeter(gpus);
  return {
    read: () => ({ cpuJoules: cpu?.joules() ?? null, gpuJoules: gpu?.joules() ?? null }),
    stop() {
      cpu?.stop();
      gpu?.stop();
    },
  };
}

interface PartMeter {
  joules(): number | null;
  stop(): void;
}

/** A package's counter of microjoules. */
interface Counter {
  path: string;
  last: number;
  /** At which it starts again from 0. */
  range: number;
}

/** null where there are no counters, or they may not be read. Source: Linux, Documentation/power/powercap/powercap.rst */
function startCpuMeter(powercap: string): PartMeter | null {
  const counters = packagesIn(powercap);
  if (counters === null) return null;
  let microjoules = 0;
  let isStopped = false;
  const poll = (): void => {
    for (const counter of counters) {
      const now = readNumber(counter.path);
      if (now === null) continue;
      microjoules += now >= counter.last ? now - counter.last : now + counter.range - counter.last;
      counter.last = now;
    }
  };
  const timer = setInterval(poll, POLL_MS).unref();
  return {
    joules() {
      if (!isStopped) poll();
      return microjoules / 1e6;
    },
    stop() {
      poll();
      isStopped = true;
      clearInterval(timer);
    },
  };
}

/** The counters of all packages; null if one cannot be read, since a part of the energy would mislead. */
function packagesIn(powercap: string): Counter[] | null {
  try {
    const counters = readdirSync(powercap)
      .filter((name) => /^intel-rapl:\d+$/.test(name)) // AMD's too; their parts have another number behind
      .filter((name) => readFileSync(join(powercap, name, 'name'), 'latin1').startsWith('package-'))
      .map((name): Counter | null => {
        const path = join(powercap, name, 'energy_uj');
        const [last, range] = [readNumber(path), readNumber(join(powercap, name, 'max_energy_range_uj'))];
        return last === null || range === null ? null : { path, last, range };
      });
    return counters.length > 0 && counters.every((counter) => counter !== null) ? counters : null;
  } catch {
    return null;
  }
}

function readNumber(path: string): number | null {
  try {
    const value = Number(readFileSync(path, 'latin1').trim());
    return Number.isFinite(value) ? value : null;
  } catch {
    return null;
  }
}

/** Adds up power times time between samples. */
function startGpuMeter(gpus: readonly number[]): PartMeter {
  const ids = gpus.map(nvidiaSmiId).join(',');
  const query = ['--query-gpu=power.draw', '--format=csv,noheader,nounits', `--id=${ids}`, '-lms', `${GPU_SAMPLE_MS}`];
  const sampler = spawn('nvidia-smi', query, { stdio: ['ignore', 'pipe', 'ignore'] });
  sampler.unref();
  const last = gpus.map((): number | null => null); // watts
  let joules: number | null = null;
  let [next, at] = [0, performance.now()];
  sampler.on('error', () => {}); // there is no nvidia-smi
  createInterface({ input: sampler.stdout }).on('line', (line) => {
    const watts = Number.parseFloat(line);
    last[next] = Number.isNaN(watts) ? null : watts;
    next = (next + 1) % gpus.length;
    if (next > 0) return; // the sample of another GPU follows
    const now = performance.now();
    if (last.every((power) => power !== null)) {
      joules = (joules ?? 0) + (last.reduce((sum, power) => sum + power, 0) * (now - at)) / 1000;
    }
    at = now;
  });
  return {
    joules: () => joules,
    stop() {
      sampler.kill('SIGKILL');
    },
  };
}
