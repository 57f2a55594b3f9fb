import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { shard } from '../../src/cli/options.js';
import { mergeCommand } from '../../src/commands/merge.js';
import { type ImageHash, openImageHashes } from '../../src/results/runs/image-hashes.js';
import { type AnsweredPrediction, openPredictions } from '../../src/results/runs/predictions.js';
import { RUN_FILES } from '../../src/results/runs/run-folder.js';
import { messageOf } from '../../src/shared/errors.js';
import { llavahr, readLines, resultFolder, testFolder } from './cli.js';
import { publishedJson } from './json-schemas.js';
import { printed } from './print.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

const SHARDS = 3;
const EVAL = ['eval', 'textvqa', '--limit', '18', '--resolution', '128', '--batch-size', '2', '--threads', '1'];
const whole = join(folder, 'whole');
const made = join(folder, 'shards');
const evalShard = (index: number, output: string) =>
  llavahr(folder, ...EVAL, '--shard', `${index}/${SHARDS}`, '--output', output);
// All at once, as tasks of a job array: the first of them to be done exports the model for all.
const [, ...first] = await Promise.all([
  llavahr(folder, ...EVAL, '--output', whole),
  ...[1, 2, 3].map((index) => evalShard(index, made)),
]);
const expected = await resultFolder(whole);
const shardName = (index: number) => `${expected.split('/').at(-1)}-shard-${index}-of-${SHARDS}`;

const json = (run: string, name: string) => JSON.parse(readFileSync(join(run, name), 'utf8'));
const bytes = (run: string, name: string) => readFileSync(join(run, name), 'utf8');
const merge = (folders: readonly string[], output: string, fresh = false) =>
  printed(() => mergeCommand(folders, { output, fresh, json: false }));

/** A copy of the shards for a test to damage. */
async function copyOfShards(name: string): Promise<string[]> {
  const copy = join(folder, name);
  await cp(made, copy, { recursive: true });
  return [1, 2, 3].map((index) => join(copy, shardName(index)));
}

test('a shard reports its counts and has no scores', () => {
  for (const [i, { code, stdout, stderr }] of first.entries()) {
    assert.equal(code, 0, stderr);
    const n = readLines(join(made, shardName(i + 1))).length;
    assert.ok(n >= 5 && n <= 7, `${n} questions`);
    assert.match(stdout, new RegExp(`^textvqa val, shard ${i + 1}/3: ${n} of ${n} questions answered, 0 failed\n.*`));
    assert.match(stderr, new RegExp(`${n}/${n}, [\\d.]+ questions/s\n$`));
  }
});

test('three merged shards equal the run without shards, in any order', async () => {
  const output = join(folder, 'merged');
  const folders = [3, 1, 2].map((index) => join(made, shardName(index)));
  const { code, stdout } = await merge(folders, output);
  assert.equal(code, 0);
  const run = await resultFolder(output);
  assert.equal(run.split('/').at(-1), expected.split('/').at(-1));
  const again = await printed(() => mergeCommand(folders, { output, fresh: false, json: true }));
  assert.deepEqual(publishedJson('merge', again.stdout).runs[0].metrics, json(run, 'metrics.json'));
  for (const name of ['predictions.jsonl', 'metrics.json', 'question-scores.json', 'references.json']) {
    assert.equal(bytes(run, name), bytes(expected, name), name);
  }
  assert.match(stdout, /18 answered, 0 failed/);
  const record = json(run, 'run.json');
  assert.equal(record.state, 'complete');
  assert.deepEqual(record.identity, json(expected, 'run.json').identity);
  const sessions = [1, 2, 3].map((index) => json(join(made, shardName(index)), 'run.json').sessions[0]);
  assert.deepEqual(record.sessions, sessions);
  const latency = json(run, 'latency.json');
  const questions = readFileSync(join(run, 'batches.jsonl'), 'utf8').trim().split('\n').length;
  assert.equal(latency.batches + latency.warmupBatches, questions);
  const seconds = sessions.reduce((sum, { activeSeconds }) => sum + activeSeconds, 0);
  assert.ok(Math.abs(latency.activeSeconds - seconds) < 1e-9);
  assert.ok(Math.abs(latency.questionsPerSecond - 18 / seconds) < 1e-9);

  assert.match((await merge(folders, output)).stderr, /already complete\. Use --fresh to merge it again/);
});

test('a merged run is not passed off as that of shards with other answers', async () => {
  const folders = await copyOfShards('asked-again');
  const output = join(folder, 'asked-again-merged');
  assert.equal((await merge(folders, output)).code, 0);
  const [line] = readLines(folders[0]!);
  const file = await openPredictions(join(folders[0]!, RUN_FILES.predictions));
  await file.append([{ ...(line as AnsweredPrediction), text: 'another answer' }]);
  await file.finish();
  await assert.rejects(
    merge(folders, output),
    /is complete, but 1 of its answers is not the shards': .* Use --fresh to merge them/,
  );
  assert.equal((await merge(folders, output, true)).code, 0);
  assert.equal(readLines(join(output, expected.split('/').at(-1)!))[line!.index]!.text, 'another answer');
});

test('missing, unfinished, duplicate and foreign shards are named', async () => {
  const [a, b, c] = await copyOfShards('wrong');
  const output = join(folder, 'never');
  const refused = async (folders: readonly string[], message: RegExp) =>
    assert.rejects(merge(folders, output), (error) => message.test(messageOf(error)) || assert.fail(messageOf(error)));
  await refused([a!, a!], /shard 1\/3 is given twice.*\n {2}shard 2\/3 is missing\n {2}shard 3\/3 is missing/);
  await refused([a!, expected], /is a whole run, not a shard/);
  await refused([a!, folder], /not a run folder/);

  const change = async (edit: (record: ReturnType<typeof json>) => void) => {
    const record = json(join(made, shardName(2)), 'run.json');
    edit(record);
    await writeFile(join(b!, 'run.json'), JSON.stringify(record));
  };
  await change((record) => {
    record.state = 'interrupted';
  });
  await refused([a!, b!, c!], /shard 2\/3 is not finished: .*-shard-2-of-3/);
  await change((record) => {
    record.identity.device = 'cuda';
  });
  await refused([a!, b!, c!], /different runs: device is "cpu" in the first and "cuda" in the second/);
  await change((record) => {
    record.identity.shard.count = 4;
  });
  await refused([a!, b!, c!], /is shard 1\/3 and .* is shard 2\/4/);
  await change((record) => {
    record.sessions[0].software.onnxruntime = '1.20.0';
  });
  await refused([a!, b!, c!], /was run with onnxruntime 1\.20\.0/);
});

test('shards that saw one image with different bytes are not merged', async () => {
  const [a, b, c] = await copyOfShards('other-image');
  const known = new Map<string, ImageHash>();
  await (await openImageHashes(join(a!, RUN_FILES.images), known)).close();
  const [line] = known.values();
  const file = await openImageHashes(join(c!, RUN_FILES.images), new Map());
  await file.append([{ ...line!, sha256: '0'.repeat(64) }]);
  await file.close();
  const output = join(folder, 'never');
  await assert.rejects(merge([a!, b!, c!], output), (error) => {
    assert.match(
      messageOf(error),
      /-1-of-3 and .*-3-of-3 were made from different images: .*\.jpg is not the same file/,
    );
    return true;
  });
  assert.ok(!existsSync(output), 'nothing was written');
});

test("a question answered by no shard or by two is named; rerunning the shard's command asks only what is missing", async () => {
  const [a, b, c] = await copyOfShards('gaps');
  const output = join(folder, 'gaps-merged');
  const path = join(b!, 'predictions.jsonl');
  const lines = (await readFile(path, 'utf8')).split('\n');
  const [lost] = readLines(b!).slice(4, 5);
  const foreign = (await readFile(join(c!, 'predictions.jsonl'), 'utf8')).split('\n')[0]!;
  await writeFile(path, lines.map((line, i) => (i === 4 ? foreign : line)).join('\n'));
  const twice = JSON.parse(foreign).index;
  await assert.rejects(
    merge([a!, b!, c!], output),
    new RegExp(
      `question ${twice} is answered in both .*-shard-2-of-3 and .*-shard-3-of-3\n {2}no shard answers question ${lost!.index}`,
    ),
  );

  await writeFile(path, lines.filter((_, i) => i !== 4).join('\n'));
  await assert.rejects(merge([a!, b!, c!], output), new RegExp(`no shard answers question ${lost!.index}\n`));
  const again = await evalShard(2, join(folder, 'gaps'));
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /Resuming/);
  const batches = (await readFile(join(b!, 'batches.jsonl'), 'utf8')).trim().split('\n');
  assert.deepEqual(JSON.parse(batches.at(-1)!).rows, [lost!.index]);
  assert.equal((await merge([a!, b!, c!], output)).code, 0);
  assert.equal(bytes(await resultFolder(output), 'predictions.jsonl'), bytes(expected, 'predictions.jsonl'));
});

test('--shard must be i/n', () => {
  assert.deepEqual(shard('2/8'), { index: 2, count: 8 });
  for (const wrong of ['0/3', '4/3', '1', '1/0', 'a/b', '1/3/4', '-1/3']) {
    assert.throws(() => shard(wrong), /It must be i\/n with i from 1 to n/);
  }
});
