/* Writes docs/report.schema.json from the schema in the source. Run by `npm run schema`. */
import { writeFileSync } from 'node:fs';
import { reportSchema } from '../dist/src/results/reports/report-json.js';

writeFileSync(new URL('../docs/report.schema.json', import.meta.url), `${JSON.stringify(reportSchema, null, 2)}\n`);
