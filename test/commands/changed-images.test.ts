import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { projectRoot } from '../fixtures.js';
import { llavahr, readLines, resultFolder, testFolder } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

const SAMPLE = join(projectRoot, 'sample', 'benchmarks', 'textvqa', 'train_images');
const names = (await readdir(SAMPLE)).sort().slice(0, 4);

/** Own questions about four images in a folder of their own. */
async function makeData(name: string) {
  const data = join(folder, name);
  const images = join(data, 'images');
  await mkdir(images, { recursive: true });
  for (const image of names) await copyFile(join(SAMPLE, image), join(images, image));
  const lines = names.map((image, i) =>
    JSON.stringify({ question_id: i, image, text: 'What does the sign say?', answer: 'x' }),
  );
  const questions = join(data, 'q.jsonl');
  await writeFile(questions, lines.join('\n'));
  return { images, questions };
}

type Data = Awaited<ReturnType<typeof makeData>>;
const evaluate = ({ images, questions }: Data, output: string, ...more: string[]) =>
  llavahr(
    folder,
    'eval',
    'custom',
    '--questions',
    questions,
    '--images',
    images,
    '--metric',
    'exact',
    '--output',
    output,
    ...more,
  );

/** Puts the second image in the place of the first, with its size in bytes if need be. */
const swap = async ({ images }: Data): Promise<void> => {
  await rename(join(images, names[0]!), join(images, 'x'));
  await rename(join(images, names[1]!), join(images, names[0]!));
  await rename(join(images, 'x'), join(images, names[1]!));
};

test('answers hold for the images they were made from: changed ones are asked about again, copies are not', async () => {
  const data = await makeData('changed');
  const output = join(folder, 'results');
  const first = await evaluate(data, output);
  assert.equal(first.code, 0, first.stderr);
  const run = await resultFolder(output);
  const before = readLines(run);

  await cp(data.images, `${data.images}.copy`, { recursive: true });
  const copied = await evaluate({ ...data, images: `${data.images}.copy` }, output);
  assert.match(copied.stderr, /already complete/);

  await swap(data);
  const changed = await evaluate(data, output);
  assert.equal(changed.code, 0, changed.stderr);
  assert.match(changed.stderr, /2 answers were made from images that have changed since/);
  assert.doesNotMatch(changed.stderr, /already complete/);
  const after = readLines(run);
  assert.equal(after[0]!.text, before[1]!.text);
  assert.equal(after[1]!.text, before[0]!.text);
  assert.deepEqual(after.slice(2), before.slice(2), 'byte for byte what was there');
  assert.match((await evaluate(data, output)).stderr, /already complete/);

  // A folder of a version that did not note images: answer_id tells.
  await rm(join(run, 'images.jsonl'));
  assert.match((await evaluate(data, output)).stderr, /already complete/);
  await swap(data);
  assert.match((await evaluate(data, output)).stderr, /2 answers were made from images/);
});

test('a complete run is not shown for images that are not there', async () => {
  const data = await makeData('gone');
  const output = join(folder, 'gone-results');
  assert.equal((await evaluate(data, output)).code, 0);
  const empty = join(folder, 'empty');
  await mkdir(empty);
  for (const [images, reason] of [
    [empty, /None of the 4 images is there\. The first: .*empty.*does not exist/],
    [data.questions, /neither a folder of images nor a zip archive/],
  ] as const) {
    const { code, stdout, stderr } = await evaluate({ ...data, images }, output);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, reason);
  }
  await rm(join(data.images, names[2]!));
  const { code, stderr } = await evaluate(data, output);
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(`1 of the images that answers of this run were made from are missing, such as ${names[2]}`),
  );
});

test('shards made from different images are not merged; runs from different images are not compared', async () => {
  const [one, other] = [await makeData('one'), await makeData('other')];
  await writeFile(join(other.images, names[0]!), await readFile(join(SAMPLE, names[3]!)));
  const output = join(folder, 'shards');
  for (const [data, shard] of [
    [one, '1/2'],
    [other, '2/2'],
  ] as const) {
    const { code, stderr } = await evaluate(data, output, '--shard', shard);
    assert.equal(code, 0, stderr);
  }
  const shards = (await readdir(output)).map((name) => join(output, name));
  const merged = await llavahr(
    folder,
    'merge',
    ...shards,
    '--questions',
    one.questions,
    '--output',
    join(folder, 'merged'),
  );
  assert.equal(merged.code, 1);
  assert.match(merged.stderr, /made from different images: their names or sizes differ/);

  const runs: string[] = [];
  for (const [data, model] of [
    [one, 'llava-hr-tiny'],
    [other, 'llava-1.5-tiny'],
  ] as const) {
    const results = join(data.images, '..', 'results');
    assert.equal((await evaluate(data, results, '--model', model)).code, 0);
    runs.push(await resultFolder(results));
  }
  const compared = await llavahr(folder, 'compare', ...runs);
  assert.match(compared.stdout, /is not comparable with .*: images is "?[0-9a-f]{8}"?, not/);
});

test('shards merge after an image of one of them was replaced and the commands of all ran again', async () => {
  const data = await makeData('replaced-in-shards');
  const output = join(folder, 'replaced-in-shards-results');
  const evaluateShards = async (): Promise<void> => {
    for (const shard of ['1/2', '2/2']) assert.equal((await evaluate(data, output, '--shard', shard)).code, 0);
  };
  await evaluateShards();
  await copyFile(join(data.images, names[1]!), join(data.images, names[0]!));
  await evaluateShards();
  const shards = (await readdir(output)).map((name) => join(output, name));
  const merged = join(folder, 'replaced-in-shards-merged');
  const { code, stderr } = await llavahr(folder, 'merge', ...shards, '--questions', data.questions, '--output', merged);
  assert.equal(code, 0, stderr);
});
