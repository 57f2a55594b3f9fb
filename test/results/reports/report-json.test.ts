import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { Ajv } from 'ajv';
import { jsonReport, reportSchema } from '../../../src/results/reports/report-json.js';
import { projectRoot } from '../../fixtures.js';
import { mme, textvqa, unscored } from './report-samples.js';

async function publishedSchema(): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(projectRoot, 'docs', 'report.schema.json'), 'utf8'));
}

test('the published schema is that of the source: npm run schema writes it', async () => {
  assert.deepEqual(await publishedSchema(), reportSchema);
});

test('reports match the published schema, and other JSON does not', async () => {
  const fits = new Ajv({ allowUnionTypes: true }).compile(await publishedSchema());
  const shown = () => JSON.parse(jsonReport([textvqa({}, 200 / 3), mme({}, 1500), unscored({})]));
  assert.ok(fits(shown()), JSON.stringify(fits.errors));
  const changes: ((report: ReturnType<typeof shown>) => void)[] = [
    (report) => (report.schemaVersion = 2),
    (report) => delete report.runs[1].identity.model.weightsHash,
    (report) => (report.runs[0].metrics.scores.accuracy = '66'),
    (report) => (report.runs[2].latency.firstTokenMs.p50 = -1),
  ];
  for (const change of changes) {
    const report = shown();
    change(report);
    assert.equal(fits(report), false, String(change));
  }
});
