import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { metricsFile } from '../../src/results/runs/metrics.js';
import { UserError } from '../../src/shared/errors.js';
import { replaceFile, writeJson } from '../../src/shared/json-file.js';
import { runResult, temporaryFolder } from '../results/samples.js';

test('a failed replacement leaves the old file and nothing else', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'a.json');
  await writeJson(path, { good: true });
  const failing = replaceFile(path, async (file) => {
    await file.writeFile('{"half');
    throw new Error('the disk is full');
  });
  await assert.rejects(
    failing,
    (error) => error instanceof UserError && /a\.json.*the disk is full/.test(error.message),
  );
  assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), { good: true });
  assert.deepEqual(await readdir(folder), ['a.json']);
});

test('a missing folder is named', async (t) => {
  const path = join(await temporaryFolder(t), 'no', 'a.json');
  await assert.rejects(writeJson(path, 1), (error) => error instanceof UserError && error.message.startsWith(path));
});

test('a checked file is read back as written, or as null if it does not exist', async (t) => {
  const folder = await temporaryFolder(t);
  assert.equal(await metricsFile.read(folder), null);
  const { metrics } = runResult();
  await metricsFile.write(folder, metrics);
  assert.deepEqual(await metricsFile.read(folder), metrics);
});

test('NaN and infinities are not written', async (t) => {
  const folder = await temporaryFolder(t);
  for (const accuracy of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const { metrics } = runResult({}, { accuracy });
    await assert.rejects(metricsFile.write(folder, metrics), /metrics\.json would be invalid: scores\.accuracy/);
  }
  assert.deepEqual(await readdir(folder), []);
});

const damaged: [string, string, RegExp][] = [
  ['not JSON', '{"schemaVersion":', /metrics\.json is not valid JSON/],
  ['another version', '{"schemaVersion":2}', /schemaVersion must be equal to constant 1|must have required property/],
  ['a wrong type', JSON.stringify({ ...runResult().metrics, n: 'many' }), /metrics\.json: n must be integer/],
  ['a missing field', JSON.stringify({ ...runResult().metrics, headline: undefined }), /required property 'headline'/],
];
for (const [name, text, message] of damaged) {
  test(`a file is refused on reading: ${name}`, async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'metrics.json'), text);
    await assert.rejects(
      metricsFile.read(folder),
      (error) => error instanceof UserError && message.test(error.message),
    );
  });
}
