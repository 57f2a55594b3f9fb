import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { llavahr, start, testFolder } from '../commands/cli.js';

const FOLDER = new URL('../../src/cli/', import.meta.url);
const NOT_COMMANDS = ['help.js', 'options.js', 'config-file.js', 'option-origins.js', 'environment.js'];
const commands = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.js') && !NOT_COMMANDS.includes(file))
  .map((file) => file.replace('.js', ''));
const folder = await testFolder();

for (const columns of [60, 80, 120]) {
  test(`no line of any help text is wider than ${columns} columns`, async () => {
    for (const args of [[], ...commands.map((command) => [command])]) {
      const { code, stdout } = await start(folder, [...args, '--help'], { COLUMNS: String(columns) }).result;
      assert.equal(code, 0);
      const wide = stdout.split('\n').filter((line) => line.length > columns && line.trim().includes(' '));
      assert.deepEqual(wide, [], args.join(' '));
    }
  });
}

test('help shows defaults as (default: x), without quotes, and none for flags', async () => {
  const { stdout } = await start(folder, ['eval', '--help'], { COLUMNS: '200' }).result;
  assert.match(stdout, /--output <folder> +where run folders are created \(default: results\)$/m);
  assert.match(stdout, /--protocol .*\(choices: llava, lmms-eval; default: llava\)/m);
  assert.doesNotMatch(stdout, /default: (?:true|false|undefined|")/);
});

test('help says which options are required', async () => {
  const { stdout } = await start(folder, ['verify', '--help'], { COLUMNS: '200' }).result;
  assert.match(stdout, /--against <model> .* \(required\)$/m);
  assert.equal(stdout.match(/\(required\)/g)?.length, 1);
});

test('a long example continues after a backslash, so that it can be copied', async () => {
  const { stdout } = await start(folder, ['eval', '--help'], { COLUMNS: '60' }).result;
  assert.match(stdout, /^ {2}llavahr eval textvqa --model llava-hr-7b .* \\\n {4}--.*--device cuda$/m);
});

test('help of an unknown command suggests the one that is meant', async () => {
  const unknown = await llavahr(folder, 'help', 'evl');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /^error: unknown command 'evl'\n\(Did you mean eval\?\)\n/);
  assert.equal(unknown.stderr, (await llavahr(folder, 'evl')).stderr);
  assert.equal((await llavahr(folder, 'help', 'eval')).stdout, (await llavahr(folder, 'eval', '--help')).stdout);
  const all = await llavahr(folder, 'help');
  assert.equal(all.code, 0);
  assert.match(all.stdout, /^ {2}help +Show the help of a command\.$/m);
});

test('an error is wrapped to the terminal; in a pipe it is one line', async () => {
  const failing = ['eval', 'textvqa', '--judge', 'http://localhost/v1', '--judge-model', 'm', '--shard', '1/2'];
  const narrow = await start(folder, failing, { COLUMNS: '60' }).result;
  assert.equal(narrow.code, 2);
  assert.ok(
    narrow.stderr.split('\n').every((line) => stripVTControlCharacters(line).length <= 60),
    narrow.stderr,
  );
  const piped = await llavahr(folder, ...failing);
  assert.equal(piped.stderr.trim(), narrow.stderr.trim().replaceAll('\n', ' '));
});
