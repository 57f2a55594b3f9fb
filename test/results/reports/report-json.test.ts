import assert from 'node:assert/strict';
import test from 'node:test';
import { Ajv } from 'ajv';
import { jsonReport } from '../../../src/results/reports/report-json.js';
import { publishedJson, readSchema } from '../../commands/json-schemas.js';
import { mme, textvqa, unscored } from './report-samples.js';

test('reports match the published schema, and other JSON does not', () => {
  const shown = () => publishedJson('report', jsonReport([textvqa({}, 200 / 3), mme({}, 1500), unscored({})]));
  const fits = new Ajv({ allowUnionTypes: true }).compile(readSchema('report'));
  const changes: ((report: ReturnType<typeof shown>) => void)[] = [
    (report) => (report.schemaVersion = 2),
    (report) => delete report.runs[1].identity.model.weightsHash,
    (report) => (report.runs[0].metrics.scores.accuracy = '66'),
    (report) => (report.runs[2].latency.firstTokenMs.p50 = 'fast'),
  ];
  for (const change of changes) {
    const report = shown();
    change(report);
    assert.equal(fits(report), false, String(change));
  }
});
