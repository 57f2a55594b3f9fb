import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { type Command, CommanderError } from 'commander';
import { selectBenchmarks } from '../../src/benchmarks/registry.js';
import { buildProgram } from '../../src/cli.js';
import { PACKAGE_ROOT } from '../../src/shared/package-root.js';
import { anchorsOf, commandsOf, documentedCommands, exists, inlineCode, readDocuments } from './documents.js';

const documents = readDocuments();
/** Without what explains how the samples were made. */
const users = documents.filter(({ path }) => !path.startsWith('sample'));
// The changelog also names what was removed.
const commands = documents.filter(({ path }) => path !== 'CHANGELOG.md').flatMap(documentedCommands);

/** The program, which throws instead of printing what is wrong with a command line. */
function quietProgram(): Command {
  const program = buildProgram();
  for (const command of [program, ...program.commands]) command.configureOutput({ writeErr() {}, writeOut() {} });
  return program;
}

/** What is wrong with a command line of llavahr; null when nothing is. `<placeholders>` may stand anywhere. */
function problemOf(words: readonly string[]): string | null {
  const program = quietProgram();
  try {
    const { operands, unknown } = program.parseOptions(words.slice(1));
    const [name, ...rest] = [...operands, ...unknown];
    if (name === undefined || name.startsWith('<')) return null;
    const command = program.commands.find((one) => one.name() === name || one.aliases().includes(name));
    if (command === undefined) return `no command ${name}`;
    const parsed = command.parseOptions(rest);
    const wrong = parsed.unknown.filter((word) => !['--help', '-h'].includes(word));
    if (wrong.length > 0) return `no option ${wrong[0]}`;
    const { registeredArguments } = command;
    if (parsed.operands.length > registeredArguments.length && !registeredArguments.at(-1)?.variadic) {
      return `too many arguments: ${parsed.operands.join(' ')}`;
    }
    return argumentProblem(command.name(), parsed.operands);
  } catch (error) {
    if (error instanceof CommanderError) return error.message;
    throw error;
  }
}

function argumentProblem(command: string, [benchmarks]: readonly string[]): string | null {
  const takesBenchmarks = ['eval', 'download', 'score', 'show', 'ablate'].includes(command);
  if (!takesBenchmarks || benchmarks === undefined || /^(<.*|custom|model|\.\.\.)$/.test(benchmarks)) return null;
  if (benchmarks.endsWith('.json')) return null; // a task file of the reader's own
  try {
    selectBenchmarks(benchmarks);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

test('every llavahr command in the documents can be parsed', () => {
  const own = commands.filter(({ words }) => words[0] === 'llavahr');
  assert.ok(own.length > 60, `only ${own.length} commands were found`);
  const wrong = own.flatMap(({ document, words }) => {
    const problem = problemOf(words);
    return problem === null ? [] : [`${document}: ${words.join(' ')}: ${problem}`];
  });
  assert.deepEqual(wrong, []);
});

test('a wrong command line is found', () => {
  assert.match(problemOf(['llavahr', 'evaluate', 'textvqa'])!, /no command evaluate/);
  assert.match(problemOf(['llavahr', 'eval', 'textvqa', '--batchsize', '2'])!, /no option --batchsize/);
  assert.match(problemOf(['llavahr', 'eval', 'textvqa', '--precision', 'fp64'])!, /fp64/);
  assert.match(problemOf(['llavahr', 'eval', 'textqa'])!, /textqa/);
  assert.match(problemOf(['llavahr', 'doctor', 'textvqa'])!, /too many/);
  assert.deepEqual(commandsOf('for i in 1 2; do A=1 node bin/llavahr eval "a b" # why').at(-1), [
    'llavahr',
    'eval',
    'a b',
  ]);
});

/** Options of other programs that the documents mention. */
const FOREIGN_OPTIONS = new Set(['--max-old-space-size', '--sections']);

test('every option named in running text exists', () => {
  const program = quietProgram();
  const known = new Set(
    [program, ...program.commands].flatMap(({ options }) => options.flatMap(({ long, short }) => [long, short])),
  );
  for (const name of ['--help', '--version', ...FOREIGN_OPTIONS]) known.add(name);
  const wrong = users.flatMap(({ path, text }) =>
    inlineCode(text)
      .filter((code) => code.startsWith('--') || /^[a-z]+ --/.test(code))
      .flatMap((code) => [...code.matchAll(/(?:^|\s)(--[a-z][a-z-]*)/g)].map((match) => match[1]!))
      .filter((option) => !known.has(option))
      .map((option) => `${path}: ${option}`),
  );
  assert.deepEqual(wrong, []);
});

test('npm scripts and measurements named in the documents exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const measurements = [
    ...readFileSync(join(PACKAGE_ROOT, 'bench', 'run.ts'), 'utf8').matchAll(/^ {2}'(.*)': \w+,$/gm),
  ];
  assert.ok(measurements.length > 5);
  const wrong = commands
    .filter(({ words: [program, run] }) => program === 'npm' && run === 'run')
    .filter(({ words: [, , script, dashes, word] }) => {
      if (!(script! in scripts)) return true;
      return script === 'bench' && dashes === '--' && !measurements.some(([, name]) => name!.includes(word!));
    })
    .map(({ document, words }) => `${document}: ${words.join(' ')}`);
  assert.deepEqual(wrong, []);
});

test('every link leads to a file, and to a heading in it', () => {
  const wrong = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file, anchor] = target.split('#') as [string, string?];
        const linked = file === '' ? path : normalize(join(dirname(path), file));
        if (!exists(linked)) return true;
        return anchor !== undefined && !anchorsOf(readFileSync(join(PACKAGE_ROOT, linked), 'utf8')).has(anchor);
      })
      .map((target) => `${path}: ${target}`),
  );
  assert.deepEqual(wrong, []);
});

test('every file of the project that is named in the documents exists', () => {
  const folders = readdirSync(PACKAGE_ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !['results', 'dist', 'node_modules'].includes(entry.name))
    .map(({ name }) => name);
  const wrong = users.flatMap(({ path, text }) =>
    [...inlineCode(text), ...commandsIn(path)]
      .filter((code) => folders.some((folder) => code.startsWith(`${folder}/`)) && !/[<*\s{]/.test(code))
      .filter((code) => !exists(code))
      .map((code) => `${path}: ${code}`),
  );
  assert.deepEqual(wrong, []);
});

function commandsIn(path: string): string[] {
  return commands.filter(({ document }) => document === path).flatMap(({ words }) => words);
}

test('every decision is in the index, under its title', () => {
  const folder = join(PACKAGE_ROOT, 'docs', 'decisions');
  const index = readFileSync(join(folder, 'README.md'), 'utf8');
  const files = readdirSync(folder).filter((name) => name !== 'README.md');
  for (const name of files) {
    const text = readFileSync(join(folder, name), 'utf8');
    const [, number, title] = /^# (\d{4})\. (.*)$/m.exec(text) ?? [];
    assert.ok(name.startsWith(`${number}-`), `${name} has the number ${number} in its title`);
    assert.ok(index.includes(`| [${number}](${name}) | ${title} |`), `${name} is not in the index as "${title}"`);
    for (const part of ['Context', 'Decision', 'Evidence', 'Rejected alternatives', 'Files']) {
      assert.ok(text.includes(`\n## ${part}\n`), `${name} has no part "${part}"`);
    }
  }
  assert.equal(new Set(files.map((name) => name.slice(0, 4))).size, files.length, 'two decisions have the same number');
});

test('messages that troubleshooting.md explains are those of the program', () => {
  const folder = join(PACKAGE_ROOT, 'src');
  const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const page = readFileSync(join(PACKAGE_ROOT, 'docs', 'troubleshooting.md'), 'utf8');
  const titles = [...page.matchAll(/^\*\*(.*?)\.?\*\* /gm)].map((match) => match[1]!);
  const messages = titles.flatMap((title) => [...title.matchAll(/`([^`]{8,})`/g)].map((match) => match[1]!));
  assert.ok(messages.length > 10);
  const parts = messages
    .filter((message) => !message.startsWith('npm '))
    .flatMap((message) => message.split('...'))
    .map((part) => part.trim());
  assert.deepEqual(
    parts.filter((part) => !source.includes(part)),
    [],
  );
});

test('troubleshooting.md has every code of a failed question', () => {
  const page = readFileSync(join(PACKAGE_ROOT, 'docs', 'troubleshooting.md'), 'utf8');
  const files = ['prepare-batch.ts', 'answer-batch.ts', 'split-failed-batch.ts', 'endpoint-answerer.ts'];
  const codes = files
    .map((name) => readFileSync(join(PACKAGE_ROOT, 'src', 'evaluation', name), 'utf8'))
    .flatMap((text) => [
      ...text.matchAll(/'((?:image|prompt|worker|inference|out|non|content|request|server)-[a-z-]+)'/g),
    ])
    .map((match) => match[1]!);
  assert.ok(codes.length > 8);
  assert.deepEqual(
    [...new Set(codes)].filter((code) => !page.includes(`| \`${code}\``) && !page.includes(`, \`${code}\``)),
    [],
  );
});

test('the files of benchmarks in data.md are those that loaders read', () => {
  const textsIn = (folder: string, ending: string): string =>
    readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => readFileSync(join(PACKAGE_ROOT, folder, name), 'utf8'))
      .join('\n');
  const loaders = textsIn(join('src', 'benchmarks'), '.ts') + textsIn('tasks', '.json');
  const page = readFileSync(join(PACKAGE_ROOT, 'docs', 'data.md'), 'utf8');
  const table = page.slice(page.indexOf('\n| benchmark | annotations |'), page.indexOf('\nA checkpoint folder has'));
  const files = inlineCode(table).filter((code) => /\.(?:jsonl?|tsv|parquet)$/.test(code));
  assert.ok(files.length > 20);
  // The names of POPE's files are put together from those of its categories.
  assert.deepEqual(
    files.filter((name) => !loaders.includes(name) && !/^coco_pope_\w+\.json$/.test(name)),
    [],
  );
});
