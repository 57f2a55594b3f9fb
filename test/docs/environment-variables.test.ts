import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { environmentLines, READ_BY } from '../../src/cli/environment.js';
import { buildProgram } from '../../src/cli.js';
import { PACKAGE_ROOT } from '../../src/shared/package-root.js';

const page = readFileSync(join(PACKAGE_ROOT, 'docs', 'troubleshooting.md'), 'utf8');
const source = ['src', 'bench']
  .flatMap((folder) => filesIn(folder, '.ts'))
  .map(read)
  .join('\n');

/** Read by name through an option: `--judge-key`. */
const NAMED_BY_OPTIONS = ['OPENAI_API_KEY'];

test('the variables that llavahr reads are those that troubleshooting.md says it reads', () => {
  const documented = tableAfter('Read by llavahr;');
  assert.ok(documented.length > 8);
  for (const name of NAMED_BY_OPTIONS) assert.ok(source.includes(`'${name}'`));
  assert.deepEqual(documented.toSorted(), [...new Set([...variablesRead(), ...NAMED_BY_OPTIONS])].sort());
});

test('help names, for each command, variables that troubleshooting.md has; every one that llavahr reads is in some help', () => {
  const commands = buildProgram().commands.map((command) => command.name());
  for (const [command, names] of Object.entries(READ_BY)) {
    assert.ok(commands.includes(command), command);
    assert.deepEqual(
      names.filter((name) => !page.includes(`\`${name}\``)),
      [],
    );
  }
  const helps = commands.flatMap(environmentLines).join('\n');
  const notForUsers = ['LLAVAHR_PYTHON']; // of npm run bench
  assert.deepEqual(
    tableAfter('Read by llavahr').filter(
      (name) => !notForUsers.includes(name) && !new RegExp(`\\b${name}\\b`).test(helps),
    ),
    [],
  );
});

test('variables that messages advise to set are in troubleshooting.md', () => {
  const advised = [...source.matchAll(/\b([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)\b(?=[^']*'|[^`]*`)/g)]
    .map((match) => match[1]!)
    .filter((name) => /^(LLAVAHR|HF|NODE|LD|VK|CUDA_VISIBLE|ONNXRUNTIME)_|_PROXY$/.test(name));
  assert.deepEqual(
    [...new Set(advised)].filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
});

test('the variables of other readers are read by them', () => {
  const modules = (path: string) => read(join('node_modules', path));
  const readers: Record<string, string> = {
    '@huggingface/hub': modules('@huggingface/hub/dist/index.js'),
    'proxy-from-env': modules('proxy-from-env/index.js'),
    'onnxruntime-node': filesIn('node_modules/onnxruntime-node/script', '.js').map(read).join('\n'),
  };
  for (const [, names, reader] of page.matchAll(/^\| (`[^|]+) \|[^|]*\| ([^|]+) \|$/gm)) {
    const text = readers[reader!];
    if (text === undefined) continue;
    for (const name of namesIn(names!)) {
      const known = reader === 'proxy-from-env' ? name.toLowerCase().replace(/^https?/, '') : name;
      assert.ok(text.includes(known), `${reader} does not read ${name}`);
    }
  }
});

test('the variables of the deployment scripts are in troubleshooting.md', () => {
  const scripts = filesIn('deploy', '').map(read).join('\n');
  const documented = tableAfter('Read by the scripts in `deploy/`:').filter((name) => !name.startsWith('SBATCH_'));
  for (const name of documented) assert.match(scripts, new RegExp(`\\$\\{?${name}\\b`));
  const required = [...scripts.matchAll(/\$\{([A-Z_]+):[?-]/g)].map((match) => match[1]!);
  assert.deepEqual(
    required.filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
});

function variablesRead(): string[] {
  const single = [
    ...source.matchAll(/(?:process\.env(?:\.|\[)|environment(?:Value|Path)\()'?([A-Z_]+)(?!'?\]? = |[A-Z_])/g),
  ].map((match) => match[1]!);
  const several = [...source.matchAll(/\{([^{}]*)\} = process\.env\b/g)].flatMap((match) =>
    match[1]!.split(',').map((name) => name.trim().split(':')[0]!),
  );
  return [...single, ...several];
}

/** The names in the first column of the table after a line. */
function tableAfter(line: string): string[] {
  const table = page.slice(page.indexOf(line)).split('\n\n')[1]!;
  return table.split('\n').flatMap((row) => namesIn(row.split('|')[1] ?? ''));
}

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([A-Z_]+)`/g)].map((match) => match[1]!);
}

function filesIn(folder: string, ending: string): string[] {
  return readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => path.endsWith(ending) && statSync(join(PACKAGE_ROOT, path)).isFile());
}

function read(path: string): string {
  return readFileSync(join(PACKAGE_ROOT, path), 'utf8');
}
