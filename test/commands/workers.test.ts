import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { llavahr, readLines, resultFolder, start, testFolder, waitForLines } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

const skip = process.platform !== 'linux' && 'reads /proc';
const output = join(folder, 'workers');
const args = ['eval', 'textvqa', '--output', output, '--devices', 'cpu:2', '--batch-size', '1'];

/** State and parent of a process by its id; null when there is none. */
function processOf(id: number): { state: string; parent: number } | null {
  try {
    const [state, parent] = readFileSync(`/proc/${id}/stat`, 'latin1')
      .replace(/^.*\) /, '')
      .split(' ');
    return { state: state!, parent: Number(parent) };
  } catch {
    return null;
  }
}

function workersOf(id: number): number[] {
  const ids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return ids.filter((each) => processOf(each)?.parent === id);
}

async function gone(ids: readonly number[]): Promise<boolean> {
  const isThere = (id: number): boolean => !['Z', undefined].includes(processOf(id)?.state);
  for (let waited = 0; waited < 10_000 && ids.some(isThere); waited += 20) await sleep(20);
  return !ids.some(isThere);
}

/** Starts the run, or continues it, waits for as many lines, and says which workers it has. */
async function running(lines: number) {
  const { process: parent, result } = start(folder, args);
  await waitForLines(output, lines);
  const workers = workersOf(parent.pid!);
  assert.equal(workers.length, 2, `workers: ${workers}`);
  return { parent, result, workers };
}

test('workers end with the process that started them, killed, interrupted once or twice; one that ends is replaced', {
  skip,
}, async () => {
  const killed = await running(3);
  killed.parent.kill('SIGKILL');
  assert.equal((await killed.result).signal, 'SIGKILL');
  assert.ok(await gone(killed.workers));

  const interrupted = await running(8);
  for (const id of [...interrupted.workers, interrupted.parent.pid!]) process.kill(id, 'SIGINT'); // as a terminal does
  const stopped = await interrupted.result;
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, /Stopping after the current batches[\s\S]*Interrupted: \d+ of 48 answers/);
  assert.ok(await gone(interrupted.workers));

  const atOnce = await running(16);
  atOnce.parent.kill('SIGINT');
  while (atOnce.parent.exitCode === null && atOnce.parent.signalCode === null) {
    atOnce.parent.kill('SIGINT');
    await sleep(20);
  }
  const { signal, code } = await atOnce.result;
  assert.ok(signal === 'SIGINT' || code === 130, `${signal}, ${code}`);
  assert.ok(await gone(atOnce.workers));

  const crashed = await running(24);
  process.kill(crashed.workers[0]!, 'SIGKILL');
  const last = await crashed.result;
  assert.equal(last.code, 0, last.stderr);
  assert.match(last.stderr, /The worker process of cpu \(\d+\) ended: SIGKILL\. Restarting it\./);
  assert.ok(await gone(crashed.workers));

  const single = join(folder, 'single');
  assert.equal((await llavahr(folder, 'eval', 'textvqa', '--output', single, '--batch-size', '5')).code, 0);
  const [several, one] = [await resultFolder(output), await resultFolder(single)];
  assert.deepEqual(
    readFileSync(join(several, 'predictions.jsonl')),
    readFileSync(join(one, 'predictions.jsonl')),
    'byte for byte what one worker answers',
  );
  assert.equal(readLines(several).length, 48);
});
