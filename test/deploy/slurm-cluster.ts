import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A Slurm of one node on this machine, of the installed daemons, which ends with the process that started it. */
export interface SlurmCluster {
  /** For sbatch and the other commands. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/** Why no Slurm can be started here; false when it can. Debian's packages are slurm-wlm and munge. */
export function slurmMissing(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'the daemons need Linux and root';
  const missing = ['munged', 'slurmctld', 'slurmd', 'sbatch'].find((name) => spawnSync(name, ['-V']).error);
  return missing ? `${missing} is not installed (Debian: slurm-wlm, munge)` : false;
}

/** @param folder an empty folder for configuration, state and logs */
export async function startSlurm(folder: string): Promise<SlurmCluster> {
  const host = hostname().split('.')[0]!;
  const socket = join(folder, 'munge', 'socket');
  const [controllerPort, nodePort] = [await freePort(), await freePort()];
  for (const name of ['munge', 'state', 'spool']) mkdirSync(join(folder, name), { mode: 0o755 });
  writeFileSync(join(folder, 'munge', 'key'), randomBytes(128), { mode: 0o400 });
  const conf = join(folder, 'slurm.conf');
  writeFileSync(
    conf,
    [
      'ClusterName=llavahr-test',
      `SlurmctldHost=${host}(127.0.0.1)`,
      'SlurmUser=root',
      'SlurmdUser=root',
      'AuthType=auth/munge',
      'CredType=cred/munge',
      `AuthInfo=socket=${socket}`,
      `SlurmctldPort=${controllerPort}`,
      `SlurmdPort=${nodePort}`,
      `StateSaveLocation=${folder}/state`,
      `SlurmdSpoolDir=${folder}/spool`,
      `SlurmctldPidFile=${folder}/slurmctld.pid`,
      `SlurmdPidFile=${folder}/slurmd.pid`,
      'ProctrackType=proctrack/pgid',
      'TaskPlugin=task/none',
      'SwitchType=switch/none',
      'MpiDefault=none',
      'ReturnToService=2',
      'SchedulerType=sched/builtin',
      'SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=1000', // s, s, us
      'EpilogMsgTime=0',
      'SelectType=select/cons_tres',
      'SelectTypeParameters=CR_CPU',
      'JobAcctGatherType=jobacct_gather/none',
      'AccountingStorageType=accounting_storage/none',
      'SlurmdParameters=config_overrides',
      `NodeName=${host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN`,
      'PartitionName=test Nodes=ALL Default=YES MaxTime=10 State=UP',
    ].join('\n'),
  );
  const env = { SLURM_CONF: conf };
  const files = ['socket', 'pid-file', 'log-file', 'seed-file'].map((name) => `--${name}=${folder}/munge/${name}`);
  const munge = ['--foreground', '--force', `--key-file=${folder}/munge/key`, `--socket=${socket}`, ...files.slice(1)];
  const daemons: ChildProcess[] = [];
  const start = (command: string, args: string[]) => {
    daemons.push(spawn(command, args, { env: { ...process.env, ...env }, stdio: 'ignore' }));
  };
  const stop = async (): Promise<void> => {
    for (const daemon of daemons.reverse()) {
      daemon.kill('SIGTERM');
      for (let waited = 0; daemon.exitCode === null && waited < 5000; waited += 50) await sleep(50);
      daemon.kill('SIGKILL');
    }
  };
  try {
    start('munged', munge);
    await until('munged', () => existsSync(socket));
    start('slurmctld', ['-D', '-c', '-L', join(folder, 'slurmctld.log')]);
    start('slurmd', ['-D', '-L', join(folder, 'slurmd.log')]);
    const state = () => spawnSync('sinfo', ['-h', '-o', '%T'], { env: { ...process.env, ...env } }).stdout.toString();
    await until('the node', () => state().trim() === 'idle');
  } catch (error) {
    await stop();
    throw error;
  }
  return { env, stop };
}

/** Waits for something, half a minute at most. */
export async function until(what: string, holds: () => boolean, ms = 30_000): Promise<void> {
  for (let waited = 0; waited < ms; waited += 20) {
    if (holds()) return;
    await sleep(20);
  }
  throw new Error(`${what}: not so within ${ms / 1000} s`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
