import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { installPackage } from './installed-package.js';

/** Characters that mean something else in a URL: in the paths of the package, of the data and of the results. */
const ODD = 'ä #1 100% %20 ?';

const temporary = await mkdtemp(join(tmpdir(), 'llavahr-install-'));
after(() => rm(temporary, { recursive: true, force: true }));
const folder = join(temporary, ODD);
const missing = await installPackage(folder);
const INSTALLED = { skip: missing ?? false };

function npx(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, LLAVAHR_CACHE: join(folder, 'cache') };
  return promisify(execFile)('npx', ['--offline', 'llavahr', ...args], { cwd: folder, env, maxBuffer: 64e6 });
}

test('the tarball installs into an empty folder and evaluates there', INSTALLED, async () => {
  const { stdout } = await npx('eval', 'textvqa');
  assert.match(stdout, /textvqa val, llava-hr-tiny[\s\S]*questions +48 answered, 0 failed/);
  const [run] = await readdir(join(folder, 'results'));
  await npx('report', join('results', run!), '--format', 'html', '--output', 'report.html');
  assert.match(await readFile(join(folder, 'report.html'), 'utf8'), /<h1>llava-hr-tiny/);
});

test('a path with characters that mean something in a URL keeps no process from starting', INSTALLED, async () => {
  const image = { bytes: Buffer.from('a picture'), path: 'a.jpg' };
  const optional = { repetition_type: 'OPTIONAL' } as const;
  const file = parquetWriteBuffer({
    schema: [
      { name: 'schema', num_children: 1 },
      { ...optional, name: 'image', num_children: 2 },
      { ...optional, name: 'bytes', type: 'BYTE_ARRAY' },
      { ...optional, name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    ],
    columnData: [{ name: 'image', data: [image] }],
  });
  await writeFile(join(folder, 'a.parquet'), Buffer.from(file));
  const module = join(folder, 'node_modules', 'llavahr', 'dist', 'src', 'datasets', 'parquet-folder.js');
  const { openParquetFolder } = (await import(
    pathToFileURL(module).href
  )) as typeof import('../../src/datasets/parquet-folder.js');
  const images = (await openParquetFolder(folder))!;
  assert.deepEqual(Buffer.from(await images.read('a.jpg')), image.bytes);
  await images.close();
  const { stdout } = await npx('doctor', '--json');
  const cpu = JSON.parse(stdout).devices.find(({ device }: { device: string }) => device === 'cpu');
  assert.equal(cpu.problem, null);
});
