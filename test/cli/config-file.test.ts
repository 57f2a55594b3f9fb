import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { configSchema, withConfig } from '../../src/cli/config-file.js';
import { originsOf } from '../../src/cli/option-origins.js';
import { buildProgram } from '../../src/cli.js';
import { llavahr } from '../commands/cli.js';
import { readSchema } from '../commands/json-schemas.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-config-'));
after(() => rm(folder, { recursive: true }));
const path = join(folder, 'llavahr.json');

/** The command line that results from a file and what was typed. */
function expanded(config: unknown, ...typed: string[]): string[] {
  writeFileSync(path, typeof config === 'string' || Buffer.isBuffer(config) ? config : JSON.stringify(config));
  return withConfig(['node', 'llavahr', ...typed, '--config', path], buildProgram()).slice(2, -2);
}

/** Options as a command would get them. */
async function optionsOf(words: readonly string[]): Promise<Record<string, unknown>> {
  const program = buildProgram();
  let options: Record<string, unknown> = {};
  for (const command of program.commands) {
    command.action(() => {
      options = command.optsWithGlobals();
    });
  }
  await program.parseAsync(['node', 'llavahr', ...words]);
  return options;
}

const CONFIG = {
  $schema: 'schemas/config.schema.json',
  'log-level': 'warn',
  eval: { model: 'llava-hr-7b', device: 'cuda', limit: 10, 'ocr-tokens': false, 'fail-fast': true, fresh: false },
  ablate: { resolutions: [384, 768] },
};

test('options of all commands and of the one that runs are taken; the command line wins', async () => {
  const options = await optionsOf(expanded(CONFIG, 'eval', 'textvqa', '--limit', '3', '--ocr-tokens'));
  const { model, device, limit, ocrTokens, failFast, fresh, logLevel, batchSize } = options;
  assert.deepEqual(
    { model, device, limit, ocrTokens, failFast, fresh, logLevel, batchSize },
    {
      ...{ model: 'llava-hr-7b', device: 'cuda', limit: 3, ocrTokens: true, failFast: true, fresh: false },
      ...{ logLevel: 'warn', batchSize: 'auto' },
    },
  );
  assert.deepEqual((await optionsOf(expanded(CONFIG, 'ablate', 'pope')))['resolutions'], [384, 768]);
  assert.deepEqual(expanded(CONFIG, '--log-level', 'error', 'list'), ['--log-level', 'error', 'list']);
  const pilot = expanded({ power: { pilot: ['a', 'b'], json: true } }, 'power', '--pilot', 'c', 'd');
  assert.deepEqual(pilot, ['power', '--json', '--pilot', 'c', 'd']);
  assert.deepEqual(expanded({ list: { json: true } }, '--log-file', 'eval', 'list').slice(2), ['list', '--json']);
});

test('what is typed also wins over options of the file that it excludes', async () => {
  const several = await optionsOf(expanded(CONFIG, 'eval', 'textvqa', '--devices', 'cpu:2'));
  assert.deepEqual([several['device'], several['devices']], ['auto', 'cpu:2']);
  const served = ['--endpoint=http://localhost/v1', '--endpoint-model', 'm'];
  const endpoint = await optionsOf(expanded(CONFIG, 'eval', 'textvqa', ...served));
  assert.equal(endpoint['model'], undefined);
  const ofServer = { endpoint: 'http://localhost/v1', 'endpoint-model': 'm', sample: 9, seed: 1 };
  const local = expanded({ eval: ofServer }, 'eval', 'textvqa', '--model', 'm', '--limit', '5');
  assert.deepEqual(local, ['eval', 'textvqa', '--model', 'm', '--limit', '5']);
});

test('an error says which of its options are set in the file', () => {
  const typed = ['eval', 'pope', '--shard', '1/2', '--config', 'own.json'];
  const words = ['eval', '--judge=http://localhost/v1', '--limit=4', ...typed.slice(1)];
  const cases: [string, string][] = [
    ["option '--limit <n>' cannot be used with option '--judge <url>'", '(set in own.json: --judge, --limit)'],
    ['--judge cannot grade a shard (--shard).', '(set in own.json: --judge; on the command line: --shard)'],
    ['--shard must be i/n, --judge-model is missing', ''],
  ];
  for (const [message, origins] of cases) assert.equal(originsOf(message, typed, words), origins);
});

test('both kinds of usage errors name the file', async () => {
  writeFileSync(path, JSON.stringify({ eval: { limit: 4, sample: 5, 'batch-size': 1, 'judge-model': 'm' } }));
  const ofCommander = await llavahr(folder, '--config', path, 'eval', 'pope');
  assert.match(
    ofCommander.stderr,
    /cannot be used with .*\n\(set in \S+llavahr\.json: --limit, --sample\)\n\(run with/,
  );
  const own = await llavahr(folder, '--config', path, 'eval', 'mmvet', '--limit', '2');
  assert.match(own.stderr, /^error: --judge and .*\n\(set in \S+llavahr\.json: --judge-model\)\n/);
  assert.deepEqual([ofCommander.code, own.code], [2, 2]);
});

test('a file that cannot be used is a usage error that names what is wrong', () => {
  const cases: [unknown, RegExp][] = [
    ['{', /llavahr\.json cannot be read: /],
    [Buffer.from('{"eval":\n{"data": "/Übung"}}', 'latin1'), /^--config \/.*llavahr\.json, line 2 is not UTF-8\. /],
    [[], /the document must be object/],
    [{ evl: {} }, /evl is neither a command nor an option of all\. Did you mean eval\?/],
    [{ eval: { modle: 'x' } }, /eval has no option modle\. Did you mean model\?/],
    [{ eval: { limit: {} } }, /eval\.limit must be string,number/],
    [{ eval: { fresh: 'yes' } }, /eval\.fresh must be boolean/],
    [{ eval: { precision: 'fp64' } }, /eval\.precision must be equal to one of the allowed values/],
    [
      { eval: { limit: 0 } },
      /^--config \/.*llavahr\.json: eval\.limit is "0"\. It must be an integer of at least 1\.$/,
    ],
    [
      { eval: { endpoint: ['localhost'] } },
      /llavahr\.json: eval\.endpoint is "localhost"\. "localhost" is not an address/,
    ],
    [{ eval: 3 }, /eval must be object/],
    [{ config: 'other.json' }, /config is neither a command nor/],
  ];
  for (const [config, message] of cases) {
    assert.throws(() => expanded(config, 'eval', 'textvqa'), { exitCode: 2, message }, JSON.stringify(config));
  }
  const missing = ['node', 'llavahr', 'list', '--config=/nothing/here.json'];
  assert.throws(() => withConfig(missing, buildProgram()), {
    exitCode: 2,
    message: /here\.json cannot be read: there is no such file/,
  });
});

test('the schema has every option of every command', () => {
  const { properties } = configSchema(buildProgram());
  for (const command of buildProgram().commands) {
    if (['complete', 'help'].includes(command.name())) continue;
    const known = Object.keys(properties[command.name()].properties);
    for (const { long } of command.options) assert.ok(known.includes(long!.replace(/^--(no-)?/, '')), long);
  }
});

test('docs/schemas has the schema of this version', () => {
  const current = JSON.stringify(configSchema(buildProgram()));
  assert.deepEqual(readSchema('config'), JSON.parse(current), 'write it with `npm run schema`');
});
