import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import test, { after } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../fixtures.js';
import { testFolder } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));
await mkdir(join(folder, 'bin'));
await symlink(join(projectRoot, 'bin', 'llavahr'), join(folder, 'bin', 'llavahr'));
const env = { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH']}` };
for (const run of ['results/textvqa-a', 'results/pope-b', 'elsewhere/gqa-c']) {
  await mkdir(join(folder, run), { recursive: true });
  await writeFile(join(folder, run, 'run.json'), '{}');
}
await mkdir(join(folder, 'results', 'no-run'));

/** What can follow the words, and whether file names can. */
async function complete(...words: string[]): Promise<{ values: string[]; files: boolean }> {
  const args = [join(projectRoot, 'bin', 'llavahr'), 'complete', '--', ...words];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  const lines = stdout.trimEnd().split('\n');
  const directive = lines.pop();
  return { values: lines.map((line) => line.split('\t')[0]!), files: directive === ':0' };
}

test('commands and options complete, also the options of all commands', async () => {
  assert.deepEqual((await complete('set')).values, ['setup-cuda']);
  const commands = (await complete('')).values;
  assert.ok(commands.includes('eval') && commands.includes('completion') && !commands.includes('complete'));
  assert.deepEqual((await complete('eval', '--device')).values, ['--device', '--devices']);
  assert.deepEqual((await complete('eval', 'gqa', '--log-')).values, ['--log-level', '--log-file']);
  assert.deepEqual((await complete('nonsense', '')).values.includes('eval'), true);
});

test('benchmarks complete one by one in a list, splits by the benchmark', async () => {
  assert.deepEqual((await complete('eval', 'te')).values, ['textvqa']);
  assert.deepEqual((await complete('eval', 'textvqa,mm')).values, [
    'textvqa,mme',
    'textvqa,mmvet',
    'textvqa,mmbench',
    'textvqa,mmbench-cn',
    'textvqa,mmmu',
  ]);
  assert.deepEqual((await complete('eval', 'textvqa,t')).values, []);
  assert.deepEqual((await complete('eval', 'c')).values, ['chartqa', 'custom']);
  assert.deepEqual((await complete('score', 'c')).values, ['chartqa']);
  assert.deepEqual((await complete('eval', 'ex')).values, ['extra']);
  assert.ok((await complete('eval', 'vqav2', '--split', '')).values.includes('val'));
  assert.deepEqual((await complete('eval', 'textvqa', '--split=v')).values, ['val']);
});

test('models, choices, run folders and files complete where they are taken', async () => {
  assert.ok((await complete('eval', 'textvqa', '--model', 'llava-hr-')).values.includes('llava-hr-7b'));
  assert.deepEqual(await complete('export', 'llava-1.5-t'), { values: [], files: true });
  assert.deepEqual((await complete('eval', '--precision', 'int')).values, ['int8', 'int4']);
  const runs = await complete('report', '');
  assert.deepEqual(runs, { values: ['results/pope-b', 'results/textvqa-a'], files: true });
  assert.deepEqual((await complete('report', 'results/pope-b', 'elsewhere/')).values, ['elsewhere/gqa-c']);
  assert.ok((await complete('compare', '')).values.includes('llava-1.5-tiny'));
  assert.deepEqual(await complete('eval', 'textvqa', '--data', ''), { values: [], files: true });
  assert.deepEqual(await complete('eval', 'textvqa', '--limit', ''), { values: [], files: false });
  assert.deepEqual(await complete('eval', '--config', 'not-there.json', '--data', ''), { values: [], files: true });
});

for (const shell of ['bash', 'zsh', 'fish']) {
  const isMissing = spawnSync(shell, ['-c', 'true']).error !== undefined;
  test(`the ${shell} script is accepted by ${shell}, twice`, { skip: isMissing ? `no ${shell}` : false }, async () => {
    const { stdout } = await promisify(execFile)('llavahr', ['completion', shell], { env });
    const file = join(folder, shell);
    await writeFile(file, stdout);
    const prelude = shell === 'zsh' ? 'autoload -U compinit && compinit -u -D;' : '';
    const { stderr } = await promisify(execFile)(shell, ['-c', `${prelude} source ${file}; source ${file}`], { env });
    assert.equal(stderr, '');
  });
}

test('bash completes a benchmark', { skip: process.platform === 'linux' ? false : 'needs Linux' }, async () => {
  // Stands in for the function of the bash-completion package that the script uses.
  const words = '_get_comp_words_by_ref() { cur=$CUR; words=(llavahr eval "$CUR"); cword=2; }; compopt() { :; };';
  const script = `${words} source <(llavahr completion bash); CUR=pop; __llavahr_complete; echo "$COMPREPLY"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { env });
  assert.equal(stdout, 'pope\n');
});
