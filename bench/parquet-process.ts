import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { median } from 'simple-statistics';
import { openParquetFolder as openGuarded } from '../src/datasets/parquet-folder.js';
import { openParquetFolder } from '../src/datasets/parquet-images.js';
import { withFolder } from './temporary-folder.js';

const IMAGES = 400;
const IMAGE_BYTES = 150_000; // a COCO image
const ROUNDS = 3;

/** Overhead of reading Parquet files in a separate process, per image and at the start. */
export async function parquetProcess(): Promise<string> {
  return withFolder(async (folder) => {
    await writeImages(join(folder, 'a.parquet'));
    const rounds: { here: Measured; there: Measured }[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      rounds.push({ here: await readAll(folder, openParquetFolder), there: await readAll(folder, openGuarded) });
    }
    const ms = (pick: (round: (typeof rounds)[number]) => number): string => median(rounds.map(pick)).toFixed(2);
    return (
      `${ms(({ there }) => there.imageMs)} ms per image of ${IMAGE_BYTES / 1000} kB, in-process ${ms(({ here }) => here.imageMs)}; ` +
      `opening ${ms(({ there }) => there.openMs)} ms, in-process ${ms(({ here }) => here.openMs)} (medians of ${ROUNDS} rounds)`
    );
  });
}

interface Measured {
  openMs: number;
  imageMs: number;
}

async function readAll(folder: string, open: typeof openGuarded): Promise<Measured> {
  const start = performance.now();
  const images = (await open(folder))!;
  const opened = performance.now();
  for (let i = 0; i < IMAGES; i++) await images.read(`${i}.jpg`);
  const end = performance.now();
  await images.close();
  return { openMs: opened - start, imageMs: (end - opened) / IMAGES };
}

async function writeImages(path: string): Promise<void> {
  const data = Array.from({ length: IMAGES }, (_, i) => ({ bytes: randomBytes(IMAGE_BYTES), path: `${i}.jpg` }));
  const schema = [
    { name: 'schema', num_children: 1 },
    { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' as const },
    { name: 'bytes', type: 'BYTE_ARRAY' as const, repetition_type: 'OPTIONAL' as const },
    {
      name: 'path',
      type: 'BYTE_ARRAY' as const,
      converted_type: 'UTF8' as const,
      repetition_type: 'OPTIONAL' as const,
    },
  ];
  const file = parquetWriteBuffer({ columnData: [{ name: 'image', data }], schema, rowGroupSize: 100 });
  await writeFile(path, new Uint8Array(file));
}
