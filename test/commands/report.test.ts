import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { reportCommand } from '../../src/commands/report.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { findRuns } from '../../src/results/runs/find-runs.js';
import { openImageHashes } from '../../src/results/runs/image-hashes.js';
import { latencyFile } from '../../src/results/runs/latency.js';
import { metricsFile } from '../../src/results/runs/metrics.js';
import { openPredictions } from '../../src/results/runs/predictions.js';
import { referencesFile } from '../../src/results/runs/references.js';
import { RUN_FILES } from '../../src/results/runs/run-folder.js';
import { type RunRecord, runFile } from '../../src/results/runs/run-record.js';
import { mme, textvqa } from '../results/reports/report-samples.js';
import { answered, failed, temporaryFolder } from '../results/samples.js';
import { printed } from './print.js';

/** Two run folders on disk, and the folder that contains them. */
async function resultFolders(t: TestContext): Promise<{ root: string; folders: string[] }> {
  const root = await temporaryFolder(t);
  const runs = [textvqa({}, 200 / 3), mme({}, 1500)];
  const folders = runs.map(({ metrics }) => join(root, metrics.benchmark));
  for (const [i, folder] of folders.entries()) {
    await mkdir(folder);
    await runFile.write(folder, runs[i]!.record);
    await metricsFile.write(folder, runs[i]!.metrics);
    await latencyFile.write(folder, runs[i]!.latency);
  }
  return { root, folders };
}

test('each format is written as one file, replacing an existing one', async (t) => {
  const { root, folders } = await resultFolders(t);
  const output = join(root, 'report');
  const starts = {
    csv: 'run,model,',
    md: '| model',
    latex: '% \\usepackage{booktabs,graphicx}',
    html: '<!doctype',
    json: '{',
  };
  for (const format of ['csv', 'md', 'latex', 'html', 'json'] as const) {
    assert.equal(await reportCommand(folders, { format, output }), 0);
    const text = await readFile(output, 'utf8');
    assert.ok(text.startsWith(starts[format]), text);
    assert.ok(text.includes('textvqa') && text.includes('mme'));
  }
  assert.deepEqual((await readdir(root)).sort(), ['mme', 'report', 'textvqa']);
});

test('JSON holds the identity, metrics and latency of each run', async (t) => {
  const { root, folders } = await resultFolders(t);
  const output = join(root, 'report.json');
  await reportCommand(folders, { format: 'json', output });
  const { schemaVersion, runs } = JSON.parse(await readFile(output, 'utf8'));
  const { record, metrics, latency } = mme({}, 1500);
  assert.equal(schemaVersion, 1);
  assert.equal(runs.length, 2);
  assert.deepEqual(runs[1], { folder: folders[1], identity: record.identity, metrics, latency });
});

test('stdout gets the same bytes as a file', async (t) => {
  const { root, folders } = await resultFolders(t);
  const output = join(root, 'report.csv');
  await reportCommand(folders, { format: 'csv', output });
  const script = `import { reportCommand } from ${JSON.stringify(new URL('../../src/commands/report.js', import.meta.url).href)};
    await reportCommand(${JSON.stringify(folders)}, { format: 'csv' });`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(stdout, await readFile(output, 'utf8'));
});

test('a folder without a run and an output path that cannot be written are named', async (t) => {
  const { root, folders } = await resultFolders(t);
  await mkdir(join(root, 'empty'));
  await assert.rejects(reportCommand([join(root, 'empty')], { format: 'md' }), /is not a run folder/);
  await assert.rejects(reportCommand([...folders, join(root, 'typo')], {}), /typo does not exist/);
  const output = join(root, 'missing', 'report.md');
  await assert.rejects(reportCommand(folders, { format: 'md', output }), /missing.report\.md cannot be written/);
});

test('results/* and results skip what is no finished run, in one line', async (t) => {
  const { root, folders } = await resultFolders(t);
  const write = async (name: string, change: (record: RunRecord) => void): Promise<void> => {
    const { record } = textvqa({}, 50);
    change(record);
    await mkdir(join(root, name));
    await runFile.write(join(root, name), record);
  };
  await write('a-shard', (record) => {
    record.identity.shard = { index: 1, count: 2 };
  });
  await write('interrupted', (record) => {
    record.state = 'interrupted';
  });
  await write('textvqa.1', () => {});
  await mkdir(join(root, 'demo'));
  const output = join(root, 'report.csv');
  await writeFile(output, '');
  const all = (await readdir(root)).sort().map((name) => join(root, name));

  const star = await printed(() => reportCommand(all, { output }));
  assert.equal(star.code, 0);
  const reasons = [
    'a-shard (a shard)',
    'demo (no run folder)',
    'interrupted (not finished)',
    'report.csv (no run folder)',
  ];
  const skipped = [...reasons, 'textvqa.1 (replaced with --fresh)'].map((reason) => join(root, reason));
  assert.equal(star.stderr, `Skipped: ${skipped.join(', ')}.\nwrote ${output} (csv)`);
  const csv = await readFile(output, 'utf8');
  const folder = await printed(() => reportCommand([root], { output }));
  assert.match(folder.stderr, /^Skipped: .*a-shard \(a shard\), .*interrupted .*, .*textvqa\.1 .*\.\n/);
  assert.equal(await readFile(output, 'utf8'), csv);
  assert.deepEqual((await findRuns([`${root}/`], root)).runs.map(({ folder }) => folder).sort(), [...folders].sort());
  await assert.rejects(
    reportCommand([join(root, 'a-shard'), join(root, 'interrupted')], {}),
    /^UserError: There is no finished run\. Skipped: .*a shard.*not finished/,
  );
});

test("HTML has a run's questions and answers, with images from the benchmark's folder", async (t) => {
  const { root, folders } = await resultFolders(t);
  const questions = JSON.parse(await readFile(join(sampleData('textvqa'), 'TextVQA_0.5.1_val.json'), 'utf8')).data;
  const images = questions.slice(0, 3).map(({ image_id }: { image_id: string }) => `${image_id}.jpg`);
  const predictions = await openPredictions(join(folders[0]!, RUN_FILES.predictions));
  await predictions.append([answered(0, 'one'), failed(1), answered(2, 'three')]);
  await predictions.finish();
  const answers: Record<string, number>[] = [{ one: 10 }, { two: 10 }, { three: 10 }];
  await referencesFile.write(folders[0]!, { schemaVersion: 1, images, categories: [null, null, null], answers });
  const output = join(root, 'report.html');
  await reportCommand(folders, { format: 'html', output, data: dirname(sampleData('textvqa')), thumbnails: 2 });
  const html = await readFile(output, 'utf8');
  const data = JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!);
  assert.equal(data.images.length, 2);
  const [first, second] = data.sets[0].samples;
  assert.deepEqual([first.answers, first.references, first.image], [['one'], [['one', 10]], 0]);
  assert.deepEqual(second.answers, [{ failure: 'image-unreadable' }]);

  const hashes = await openImageHashes(join(folders[0]!, RUN_FILES.images), new Map());
  const [bytes, mark] = [null, ''];
  const same = createHash('sha256').update(await readFile(join(sampleData('textvqa'), 'train_images', images[0])));
  await hashes.append([{ image: images[0], sha256: same.digest('hex'), bytes, mark }]);
  await hashes.append([{ image: images[1], sha256: '0'.repeat(64), bytes, mark }]);
  await hashes.close();
  const changed = await printed(() =>
    reportCommand([folders[0]!], { format: 'html', output, data: dirname(sampleData('textvqa')), thumbnails: 2 }),
  );
  assert.match(changed.stderr, /^1 of the images are not those that the run was asked about; .* no thumbnail\./m);
  assert.match(await readFile(output, 'utf8'), /"image":0/);
  assert.match(await readFile(output, 'utf8'), /"image":"changed"/);

  await reportCommand(folders, { format: 'html', output, thumbnails: 0 });
  assert.doesNotMatch(await readFile(output, 'utf8'), /"image":\d/);
  await assert.rejects(
    reportCommand(folders, { format: 'csv', output, thumbnails: 2 }),
    /only be used with --format html/,
  );
});
