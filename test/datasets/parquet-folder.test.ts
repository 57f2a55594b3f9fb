import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { openParquetFolder } from '../../src/datasets/parquet-folder.js';

const STALL_MS = 4000; // the start of a process on a busy machine counts too
/** Children and states of processes are read from /proc. */
const LINUX = { skip: process.platform === 'linux' ? false : 'needs Linux' };
const PICTURES = [0, 1, 2, 3].map((i) => ({ bytes: Buffer.alloc(20, i), path: `${i}.jpg` }));

/** A folder with one parquet file of four pictures in one page. */
async function folderOf(t: TestContext, change: (file: Buffer) => void = () => {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-parquet-'));
  t.after(() => rm(folder, { recursive: true }));
  const optional = { repetition_type: 'OPTIONAL' } as const;
  const file = parquetWriteBuffer({
    schema: [
      { name: 'schema', num_children: 1 },
      { ...optional, name: 'image', num_children: 2 },
      { ...optional, name: 'bytes', type: 'BYTE_ARRAY' },
      { ...optional, name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    ],
    columnData: [{ name: 'image', data: PICTURES }],
    codec: 'UNCOMPRESSED',
  });
  const bytes = Buffer.from(file);
  change(bytes);
  await writeFile(join(folder, 'a.parquet'), bytes);
  return folder;
}

/** Writes over the first place where the file has `old`, both in hexadecimal. */
function overwrite(file: Buffer, old: string, bytes: string): void {
  const at = file.indexOf(Buffer.from(old, 'hex'));
  assert.ok(at >= 0, `the writer makes other files now: no ${old}`);
  file.write(bytes, at, 'hex');
}

test('images pass through the process unchanged, and missing ones are reported as missing', async (t) => {
  const images = (await openParquetFolder(await folderOf(t)))!;
  const read = await Promise.all(PICTURES.map(({ path }) => images.read(path)));
  assert.deepEqual(
    read.map((bytes) => Buffer.from(bytes)),
    PICTURES.map(({ bytes }) => bytes),
  );
  await assert.rejects(images.read('4.jpg'), { name: 'ImageError', code: 'missing', message: /4\.jpg is not in / });
  await images.close();
});

test('a folder without Parquet files, or without images in them, has no images', async (t) => {
  const folder = await folderOf(t, (file) =>
    file.fill('imagx', file.lastIndexOf('image'), file.lastIndexOf('image') + 5),
  );
  await assert.rejects(openParquetFolder(folder), { name: 'UserError', message: /a\.parquet cannot be read/ });
  await rm(join(folder, 'a.parquet'));
  assert.equal(await openParquetFolder(folder), null);
});

/** What the header of the pictures' page says to hyparquet, and what is changed in it. */
const TRAPS = [
  // The number of values takes in the next byte, so that all fields behind it are others: its reader goes round for
  // ever.
  ['a page without an end', '5c1508150015081500', '5c1580'],
  // A run of 2^31 levels in place of four.
  ['a page that fills the memory', '03aa0014', 'feffffff0f'],
] as const;

for (const [what, old, bytes] of TRAPS) {
  test(`${what} is an error, also for every later image`, async (t) => {
    const folder = await folderOf(t, (file) => overwrite(file, old, bytes));
    const images = (await openParquetFolder(folder, STALL_MS))!;
    const refusal = {
      name: 'UserError',
      message: /^A Parquet file in .* is damaged: reading it (hung|crashed the reader process) \(/,
    };
    await assert.rejects(images.read('0.jpg'), refusal);
    await assert.rejects(images.read('1.jpg'), refusal);
    await images.close();
  });
}

test('a hanging reader ends when its parent is killed', LINUX, async (t) => {
  const folder = await folderOf(t, (file) => overwrite(file, TRAPS[0][1], TRAPS[0][2]));
  const module = new URL('../../src/datasets/parquet-folder.js', import.meta.url).href;
  const program = `import { openParquetFolder } from ${JSON.stringify(module)};
    const images = await openParquetFolder(${JSON.stringify(folder)});
    console.log('opened');
    await images.read('0.jpg');`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(parent.stdout, 'data');
  const reader = Number((await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'latin1')).trim());
  await sleep(500); // by then it is caught in the page
  parent.kill('SIGKILL');
  await once(parent, 'close');
  const isRunning = async () =>
    !/^State:\s+Z/m.test(await readFile(`/proc/${reader}/status`, 'latin1').catch(() => 'State: Z'));
  for (const start = Date.now(); await isRunning(); await sleep(100)) {
    assert.ok(Date.now() - start < 30_000, `process ${reader} goes on`);
  }
});

test('unclosed images do not keep the program running', async (t) => {
  const module = new URL('../../src/datasets/parquet-folder.js', import.meta.url).href;
  const program = `import { openParquetFolder } from ${JSON.stringify(module)};
    const images = await openParquetFolder(${JSON.stringify(await folderOf(t))});
    console.log((await images.read('2.jpg')).length);`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 30_000 });
  assert.deepEqual([status, stdout.toString()], [0, '20\n']);
});
