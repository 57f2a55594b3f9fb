import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hashDataFiles } from '../../src/evaluation/data-files.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-data-files-'));
after(() => rm(folder, { recursive: true }));

test('each file has a hash, also where several have the same name', async () => {
  const names = ['ids.json', 'math/test.jsonl', 'ocr/test.jsonl'];
  const files = names.map((name) => join(folder, name));
  for (const [i, file] of files.entries()) {
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, String(i));
  }
  const before = await hashDataFiles({ files });
  assert.deepEqual(Object.keys(before), names);
  await writeFile(files[1]!, 'another right answer');
  const now = await hashDataFiles({ files });
  assert.deepEqual(
    names.map((name) => now[name] === before[name]),
    [true, false, true],
  );
});
