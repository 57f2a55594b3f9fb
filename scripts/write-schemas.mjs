/*
 * Writes docs/schemas: the JSON Schema (draft 7) of what each command prints with --json, from the types in
 * src/commands/json-output.ts, and of the files that --config and benchmarks of one's own take. Run by `npm run schema`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createGenerator } from 'ts-json-schema-generator';
import { TASK_SCHEMA } from '../dist/src/benchmarks/tasks/task-schema.js';
import { configSchema } from '../dist/src/cli/config-file.js';
import { buildProgram } from '../dist/src/cli.js';

/** Types by the names of the files. Dashes stand for what a command is told beside its name. */
const TYPES = {
  eval: 'EvalJson',
  merge: 'EvalJson',
  score: 'ScoreJson',
  compare: 'CompareJson',
  report: 'ReportJson',
  ablate: 'AblateJson',
  latency: 'LatencyJson',
  verify: 'VerifyJson',
  runs: 'RunsJson',
  list: 'ListJson',
  'list-published': 'ListPublishedJson',
  'list-validate': 'ListValidateJson',
  show: 'ShowJson',
  export: 'ExportJson',
  download: 'DownloadJson',
  doctor: 'DoctorJson',
  'setup-cuda': 'SetupCudaJson',
  power: 'PowerJson',
  'task-init': 'TaskJson',
};

const TITLES = {
  'list-published': 'list --published --json',
  'list-validate': 'list --validate --json',
  'task-init': 'task init --json',
  report: 'report --format json',
};

const folder = new URL('../docs/schemas/', import.meta.url);
mkdirSync(folder, { recursive: true });
const write = (name, schema) =>
  writeFileSync(new URL(`${name}.schema.json`, folder), `${JSON.stringify(schema, null, 2)}\n`);

const generator = createGenerator({
  path: 'src/commands/json-output.ts',
  tsconfig: 'tsconfig.json',
  skipTypeCheck: true,
  additionalProperties: true,
  encodeRefs: false,
});
for (const [name, type] of Object.entries(TYPES)) {
  const { $schema, ...schema } = generator.createSchema(type);
  write(name, {
    $schema,
    title: `llavahr ${TITLES[name] ?? `${name} --json`}`,
    ...schema,
  });
}
write('config', configSchema(buildProgram()));
writeFileSync(new URL('../docs/task.schema.json', import.meta.url), `${JSON.stringify(TASK_SCHEMA, null, 2)}\n`);
