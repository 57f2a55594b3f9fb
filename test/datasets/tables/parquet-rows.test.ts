import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { openParquetRows } from '../../../src/datasets/tables/parquet-rows.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-rows-'));
after(() => rm(folder, { recursive: true }));

const request = { columns: ['question'], optional: [], image: null, hashImages: false, origin: '' };

test('bytes are read as UTF-8; others are an error that names the row', async () => {
  const path = join(folder, 'q.parquet');
  const write = (second: Uint8Array): Promise<void> => {
    const data = [Buffer.from('Größe?'), second];
    const columnData = [{ name: 'question', data, type: 'BYTE_ARRAY' as const }];
    return writeFile(path, new Uint8Array(parquetWriteBuffer({ columnData })));
  };
  await write(Buffer.from('Farbe?'));
  const table = await openParquetRows(path, request);
  assert.deepEqual(table.rows, [{ question: 'Größe?' }, { question: 'Farbe?' }]);
  await table.close();
  await write(Buffer.from('Größe?', 'latin1'));
  await assert.rejects(openParquetRows(path, request), {
    name: 'UserError',
    message: /q\.parquet, row 2, question, line 1 is not UTF-8\./,
  });
});
