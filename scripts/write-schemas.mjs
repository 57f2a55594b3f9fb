/* Writes the JSON Schemas in docs/ from those in the source. Run by `npm run schema`. */
import { writeFileSync } from 'node:fs';
import { TASK_SCHEMA } from '../dist/src/benchmarks/tasks/task-schema.js';
import { reportSchema } from '../dist/src/results/reports/report-json.js';

for (const [name, schema] of [
  ['report', reportSchema],
  ['task', TASK_SCHEMA],
]) {
  writeFileSync(new URL(`../docs/${name}.schema.json`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
