import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openPredictions, type Prediction, readPredictions } from '../../../src/results/runs/predictions.js';
import { answered, failed, temporaryFolder } from '../samples.js';

/** All lines of a file, repeated rows included, without their checksums. */
async function linesIn(path: string): Promise<Prediction[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const { check: _, ...prediction } = JSON.parse(line) as Prediction & { check: string };
      return prediction as Prediction;
    });
}

test('a new file is empty, and takes batches', async (t) => {
  const path = join(await temporaryFolder(t), 'predictions.jsonl');
  const file = await openPredictions(path);
  assert.equal(file.answers.size, 0);
  await file.append([answered(3), failed(1)]);
  await file.append([answered(0)]);
  assert.deepEqual(
    [...file.answers],
    [
      [3, 'answer 3'],
      [1, null],
      [0, 'answer 0'],
    ],
  );
  await file.close();
  assert.deepEqual(await linesIn(path), [answered(3), failed(1), answered(0)]);
});

test("a line has the fields of LLaVA's answer files, in their order", async (t) => {
  const path = join(await temporaryFolder(t), 'predictions.jsonl');
  const file = await openPredictions(path);
  await file.append([answered(0)]);
  await file.close();
  const line = JSON.parse(await readFile(path, 'utf8'));
  const names = Object.keys(line).filter((name) => !['index', 'tokens'].includes(name));
  assert.deepEqual(names, ['question_id', 'prompt', 'text', 'answer_id', 'model_id', 'metadata', 'check']);
});

test('after a restart answers are kept, failures are retried, and the last line of a row counts', async (t) => {
  const path = join(await temporaryFolder(t), 'predictions.jsonl');
  const first = await openPredictions(path);
  await first.append([answered(0), failed(1), failed(2)]);
  await first.close();
  const second = await openPredictions(path);
  assert.deepEqual(
    [...second.answers],
    [
      [0, 'answer 0'],
      [1, null],
      [2, null],
    ],
  );
  await second.append([answered(1, 'at last')]);
  await second.close();
  assert.deepEqual(await readPredictions(path), [answered(0), answered(1, 'at last'), failed(2)]);
});

test('finishing leaves one line per row in order', async (t) => {
  const path = join(await temporaryFolder(t), 'predictions.jsonl');
  const first = await openPredictions(path);
  await first.append([answered(10), failed(2), answered(7)]);
  await first.append([answered(2), answered(0)]);
  await first.finish();
  assert.deepEqual(
    await linesIn(path),
    [0, 2, 7, 10].map((index) => answered(index)),
  );
});

test('reading is not an error when there are no predictions yet', async (t) => {
  assert.deepEqual(await readPredictions(join(await temporaryFolder(t), 'predictions.jsonl')), []);
});

for (const [name, change, message] of [
  ['a failure without its error', { text: null }, /error/],
  ['an answer that is no text', { text: 5 }, /text must be string/],
  ['no text at all', { text: undefined }, /required property 'text'/],
  ['a negative row', { index: -1 }, /index must be >= 0/],
] as const) {
  test(`never written: ${name}`, async (t) => {
    const file = await openPredictions(join(await temporaryFolder(t), 'predictions.jsonl'));
    await assert.rejects(file.append([{ ...answered(0), ...change } as unknown as Prediction]), message);
    await file.close();
    assert.equal(file.answers.size, 0);
  });
}

test("a damaged line's question counts as not asked until it is answered again", async (t) => {
  const path = join(await temporaryFolder(t), 'predictions.jsonl');
  const first = await openPredictions(path);
  await first.append([answered(0), answered(1), answered(2)]);
  await first.close();
  await writeFile(path, (await readFile(path, 'utf8')).replace('answer 1', 'answer 7'));
  await assert.rejects(
    readPredictions(path),
    /1 damaged line: line 2 \(its checksum is wrong\)\. Rerun the eval command/,
  );
  const second = await openPredictions(path);
  assert.deepEqual([...second.answers.keys()], [0, 2]);
  assert.equal(second.damage.lines, 1);
  await second.append([answered(1)]);
  await second.finish();
  assert.deepEqual(
    await readPredictions(path),
    [0, 1, 2].map((index) => answered(index)),
  );
});

test('the largest benchmark is read, sorted and rewritten', async (t) => {
  const rows = 214_354; // VQAv2 val
  const path = join(await temporaryFolder(t), 'predictions.jsonl');
  const made = await openPredictions(path);
  await made.append(Array.from({ length: rows }, (_, i) => answered(rows - 1 - i)));
  await made.close();
  const file = await openPredictions(path);
  assert.equal(file.answers.size, rows);
  await file.finish();
  assert.deepEqual(
    (await linesIn(path)).map(({ index }) => index),
    Array.from({ length: rows }, (_, i) => i),
  );
});

test('a process killed repeatedly loses nothing it acknowledged and duplicates nothing', async (t) => {
  const path = join(await temporaryFolder(t), 'predictions.jsonl');
  const script = fileURLToPath(new URL('./append-until-killed.js', import.meta.url));
  const acknowledged = new Set<number>();
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(child, 'close');
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    await once(child.stdout, 'data'); // it has opened the file
    // Sometimes killed before the first answer is written, which takes longer than the following ones.
    if (round % 4 > 0) await once(child.stdout, 'data');
    await sleep(Math.random() * 60);
    child.kill('SIGKILL');
    await closed;
    const whole = output.slice(0, output.lastIndexOf('\n') + 1);
    for (const index of whole.matchAll(/^\d+$/gm)) acknowledged.add(Number(index[0]));

    const found = await readPredictions(path);
    const indices = new Set(found.map(({ index }) => index));
    assert.deepEqual(
      [...acknowledged].filter((index) => !indices.has(index)),
      [],
      `lost in round ${round}`,
    );
    for (const prediction of found) assert.deepEqual(prediction, answered(prediction.index));
  }
  const file = await openPredictions(path);
  await file.close();
  const lines = await linesIn(path);
  assert.equal(new Set(lines.map(({ index }) => index)).size, lines.length, 'a row was answered twice');
  assert.ok(acknowledged.size > 100, `only ${acknowledged.size} rows were acknowledged`);
  t.diagnostic(`${acknowledged.size} acknowledged, ${lines.length} lines`);
});
