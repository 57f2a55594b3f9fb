import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SAMPLE_BENCHMARKS } from '../src/evaluation/sample.js';
import { readPredictions } from '../src/results/runs/predictions.js';
import { RUN_FILES } from '../src/results/runs/run-folder.js';
import { EXIT } from '../src/shared/errors.js';
import { isLockFile } from '../src/shared/folder-lock.js';
import { isTemporaryFile } from '../src/shared/json-file.js';
import { type Asked, answer, startChatServer } from '../test/chat/chat-server.js';
import { type Running, randomDraw, startLlavahr, unexpected } from './processes.js';

/*
 * Two hosts, each with PID and UTS namespaces of its own, run the same command on one folder. While the first one lives, the
 * second refuses. Then the first is frozen or killed: the second takes the folder over after a minute and completes the run.
 * A frozen one that wakes up, during that or afterwards, must end and do no harm.
 */

const QUESTIONS = 24;
const ANSWER_MS = 20;
/** Of the request that tries a server before a run. */
const TEST_QUESTION = 'What colour is this?';
const HOSTS = ['soak-a', 'soak-b'] as const;

/** Root, and Linux with unshare. */
export function canMakeHosts(): boolean {
  return process.platform === 'linux' && spawnSync('unshare', [...onHost('test').slice(1), 'true']).status === 0;
}

/** Runs the command after it as a container would; process 1 is the command. */
function onHost(name: string): string[] {
  const namespaces = ['--pid', '--fork', '--mount-proc', '--uts', '--kill-child'];
  return ['unshare', ...namespaces, 'sh', '-c', 'hostname "$0" && exec "$@"', name];
}

export interface LossOptions {
  rounds: number;
  seed: number;
  /** Empty folder. */
  folder: string;
  onRound?: (report: { loss: 'frozen' | 'killed'; acknowledged: number; sameName: boolean }) => void;
}

/** @throws Error when a folder has two owners, or an acknowledged answer is lost, doubled or another */
export async function soakLosses({ rounds, seed, folder, onRound }: LossOptions): Promise<void> {
  const draw = randomDraw(seed);
  for (let round = 0; round < rounds; round++) {
    const loss = round % 2 === 0 ? 'frozen' : 'killed';
    const sameName = draw(0, 1) === 1;
    const held = draw(2, QUESTIONS - 4);
    const wakesAfter = draw(1, QUESTIONS - held);
    const output = join(folder, `round-${round}`);
    const acknowledged = await loseFolder({ output, loss, sameName, held, wakesAfter });
    onRound?.({ loss, acknowledged, sameName });
    await rm(output, { recursive: true });
  }
}

interface Round {
  output: string;
  loss: 'frozen' | 'killed';
  sameName: boolean;
  /** Answers that the first host gets. */
  held: number;
  /** Answers of the second host before the first wakes up. */
  wakesAfter: number;
}

/** @returns the number of answers on disk when the first host was frozen or killed */
async function loseFolder({ output, loss, sameName, held, wakesAfter }: Round): Promise<number> {
  let allowed = held;
  let given = 0;
  const server = await startChatServer({ after() {} }, async ({ asked }, response) => {
    if (!JSON.stringify(asked.messages).includes(TEST_QUESTION)) {
      while (given >= allowed) await sleep(ANSWER_MS);
      given++;
      await sleep(ANSWER_MS);
    }
    await answer(asked, response, textOf(asked), { model: 'llava' });
  });
  const endpoint = ['--endpoint', server.url, '--endpoint-model', 'llava'];
  const data = join(SAMPLE_BENCHMARKS, 'pope');
  const command = ['eval', 'pope', '--data', data, '--limit', String(QUESTIONS), '--output', output, ...endpoint];
  const start = (host: string): Running => startLlavahr(command, {}, onHost(host));
  const [firstHost, secondHost] = [HOSTS[0], sameName ? HOSTS[0] : HOSTS[1]];
  const first = start(firstHost);
  try {
    await waitUntil(() => given >= held || first.child.exitCode !== null);
    if (first.child.exitCode !== null) throw unexpected(await first.ended);
    const refused = await start(secondHost).ended;
    if (refused.code !== EXIT.failed || !/is in use by another run/.test(refused.stderr)) throw unexpected(refused);

    const pid = childOf(first.child.pid!);
    process.kill(pid, loss === 'frozen' ? 'SIGSTOP' : 'SIGKILL');
    await sleep(100);
    const acknowledged = await answersIn(output);
    allowed = Number.POSITIVE_INFINITY;
    const second = start(secondHost);
    if (loss === 'frozen') {
      const isFarEnough = async () => (await answersIn(output)).size >= acknowledged.size + wakesAfter;
      await waitUntil(async () => second.child.exitCode !== null || (await isFarEnough()));
      process.kill(pid, 'SIGCONT');
    }
    const [lost, done] = await Promise.all([first.ended, second.ended]);
    if (done.code !== EXIT.done) throw unexpected(done);
    const isTold = lost.code === EXIT.failed && /was taken over by another run/.test(lost.stderr);
    if (loss === 'frozen' && !isTold) throw unexpected(lost);
    await expectComplete(output, acknowledged);
    return acknowledged.size;
  } finally {
    first.child.kill('SIGKILL');
    server.close();
  }
}

/** An answer that depends on the question alone. */
function textOf({ messages }: Asked): string {
  return createHash('sha256').update(JSON.stringify(messages)).digest('hex').slice(0, 12);
}

async function expectComplete(output: string, acknowledged: ReadonlyMap<number, string | null>): Promise<void> {
  const run = await runIn(output);
  const lines = await readPredictions(join(run, RUN_FILES.predictions));
  const answers = await answersIn(output);
  for (const [index, text] of acknowledged) {
    if (answers.get(index) !== text) throw new Error(`answer ${index} in ${run} is not the one that was acknowledged`);
  }
  if (lines.length !== QUESTIONS || answers.size !== QUESTIONS) throw new Error(`${run} has ${lines.length} answers`);
  const leftovers = (await readdir(run)).filter((name) => isLockFile(name) || isTemporaryFile(name));
  if (leftovers.length > 0) throw new Error(`${run} still has ${leftovers.join(', ')}`);
}

async function runIn(output: string): Promise<string> {
  const [name] = await readdir(output);
  return join(output, name!);
}

async function answersIn(output: string): Promise<Map<number, string | null>> {
  const predictions = await readPredictions(join(await runIn(output), RUN_FILES.predictions));
  return new Map(predictions.map(({ index, text }) => [index, text]));
}

/** The command that `unshare` started. */
function childOf(pid: number): number {
  return Number(spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' }).stdout.trim());
}

async function waitUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(ANSWER_MS);
}
