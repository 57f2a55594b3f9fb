import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { openParquetFolder } from '../../src/datasets/parquet-folder.js';
import { mutateBytes } from '../mutate-bytes.js';
import { mayRefuse } from '../refusal.js';
import type { FuzzTarget } from '../target.js';

const ROWS = 12;
/** Short, so that hanging cases take little time. */
const STALL_MS = 2000;
const rows = Array.from({ length: ROWS }, (_, i) => i);
const optional = { repetition_type: 'OPTIONAL' } as const;

/** Small files, so that changes often hit a page header or the footer. */
const FILES = (['SNAPPY', 'UNCOMPRESSED'] as const).flatMap((codec) =>
  [false, true].map((offsetIndex) => {
    const column = (name: string, data: unknown[]) => ({ name, data, offsetIndex });
    return Buffer.from(
      parquetWriteBuffer({
        schema: [
          { name: 'schema', num_children: 2 },
          { ...optional, name: 'image_id', type: 'INT64' },
          { ...optional, name: 'image', num_children: 2 },
          { ...optional, name: 'bytes', type: 'BYTE_ARRAY' },
          { ...optional, name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
        ],
        columnData: [
          column('image_id', rows.map(BigInt)),
          column(
            'image',
            rows.map((i) => ({ bytes: Buffer.alloc(20, i % 3), path: i % 4 === 3 ? null : `${i}.jpg` })),
          ),
        ],
        codec,
        rowGroupSize: 5,
        pageSize: 64,
      }),
    );
  }),
);

export const target: FuzzTarget = {
  async run(folder, random) {
    await writeFile(join(folder, 'a.parquet'), mutateBytes(random.pick(FILES), random));
    const images = await openParquetFolder(folder, STALL_MS);
    if (!images) return;
    try {
      for (const i of rows) await mayRefuse(() => images.read(`${i}.jpg`));
    } finally {
      await images.close();
    }
  },
};
