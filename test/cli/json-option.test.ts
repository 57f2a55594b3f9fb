import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { Command } from 'commander';

const FOLDER = new URL('../../src/cli/', import.meta.url);

test('every command has --json, except report, which has JSON as a format', async () => {
  const shared = ['help.js', 'options.js', 'config-file.js', 'option-origins.js', 'environment.js'];
  const exempt = [...shared, 'completion.js']; // which prints a shell script
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.js') && !exempt.includes(file));
  assert.ok(files.length >= 14);
  for (const file of files) {
    const program = new Command();
    const module: Record<string, (program: Command) => void> = await import(new URL(file, FOLDER).href);
    for (const add of Object.values(module)) add(program);
    assert.equal(program.commands.length, 1, file);
    const command = program.commands[0]!;
    const format = command.options.find(({ long }) => long === '--format');
    if (command.name() === 'report') assert.ok(format?.argChoices?.includes('json'));
    else assert.match(command.helpInformation(), /^ +--json +(print|same as --format json)/m, command.name());
  }
});
