import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parquetMetadata, type SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { openParquetFolder, openParquetImages } from '../../src/datasets/parquet-images.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-parquet-'));
after(() => rm(folder, { recursive: true }));

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

interface Row {
  id: string | number | null;
  /** null for a row without an image. */
  image: { bytes: Uint8Array | null; path: string | null } | null;
}

interface Writing {
  idColumn?: string;
  idSchema?: Partial<SchemaElement>;
  rowsPerGroup?: number;
  codec?: 'SNAPPY' | 'GZIP' | 'UNCOMPRESSED';
  offsetIndex?: boolean;
}

const TEXT: Partial<SchemaElement> = { type: 'BYTE_ARRAY', converted_type: 'UTF8' };

/** A parquet file with an id column and `image`, as the mirrors have them. */
function parquet(rows: readonly Row[], writing: Writing = {}): Uint8Array {
  const { idColumn = 'id', idSchema = TEXT, rowsPerGroup = 2, codec = 'SNAPPY', offsetIndex = false } = writing;
  const optional = { repetition_type: 'OPTIONAL' } as const;
  const schema: SchemaElement[] = [
    { name: 'schema', num_children: 3 },
    { ...optional, ...idSchema, name: idColumn },
    { ...optional, name: 'image', num_children: 2 },
    { ...optional, name: 'bytes', type: 'BYTE_ARRAY' },
    { ...optional, ...TEXT, name: 'path' },
    { ...optional, ...TEXT, name: 'question' },
  ];
  const columnData = [
    { name: idColumn, data: rows.map(({ id }) => id), offsetIndex },
    { name: 'image', data: rows.map(({ image }) => image), offsetIndex },
    { name: 'question', data: rows.map(() => 'What is it?'), offsetIndex },
  ];
  const compressors = { GZIP: (bytes: Uint8Array) => gzipSync(bytes) };
  return new Uint8Array(
    parquetWriteBuffer({ columnData, schema, codec, compressors, rowGroupSize: rowsPerGroup, pageSize: 64 }),
  );
}

function row(id: Row['id'], bytes: string, path: string | null = null): Row {
  return { id, image: { bytes: Buffer.from(bytes), path } };
}

async function fileOf(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

/** Ten pictures of 100 bytes, `n0` to `n9`. */
const TEN = Array.from({ length: 10 }, (_, i) => row(`n${i}`, String(i).repeat(100)));

for (const codec of ['SNAPPY', 'GZIP', 'UNCOMPRESSED'] as const) {
  for (const offsetIndex of [false, true]) {
    test(`images of several row groups, ${codec}, ${offsetIndex ? 'with' : 'without'} a page index`, async () => {
      const bytes = parquet(TEN, { codec, offsetIndex, rowsPerGroup: 3 });
      assert.equal(parquetMetadata(bytes).row_groups.length, 4);
      const images = await openParquetImages([await fileOf(`${codec}-${offsetIndex}.parquet`, bytes)]);
      for (const i of [7, 0, 9, 1, 2, 7, 3]) {
        assert.equal(text(await images.read(`n${i}.jpg`)), String(i).repeat(100), `n${i}`);
      }
      const together = await Promise.all(TEN.map((_, i) => images.read(`n${i}.jpg`)));
      assert.deepEqual(
        together.map(text),
        TEN.map(({ image }) => text(image!.bytes!)),
      );
      await images.close();
    });
  }
}

test('bytes that are not UTF-8 are unchanged, and the caller may modify them', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const path = await fileOf('binary.parquet', parquet([{ id: 'n1', image: { bytes, path: null } }]));
  const images = await openParquetImages([path]);
  const read = await images.read('n1.jpg');
  assert.deepEqual([...read], [...bytes]);
  read.fill(0);
  assert.deepEqual([...(await images.read('n1.jpg'))], [...bytes]);
  await images.close();
});

test('repeated images, stored once in a dictionary', async () => {
  const rows = Array.from({ length: 40 }, (_, i) => row(`q${i}`, `picture ${i % 2} `.repeat(20)));
  const bytes = parquet(rows, { rowsPerGroup: 20 });
  const chunk = parquetMetadata(bytes).row_groups[1]!.columns[1]!.meta_data!;
  assert.deepEqual(chunk.path_in_schema, ['image', 'bytes']);
  assert.ok(chunk.encodings.some((encoding) => encoding.includes('DICTIONARY')));
  const images = await openParquetImages([await fileOf('dictionary.parquet', bytes)]);
  for (const i of [0, 1, 21, 38]) assert.equal(text(await images.read(`q${i}.png`)), `picture ${i % 2} `.repeat(20));
  await images.close();
});

test('an image is found by path before id', async () => {
  const rows = [row('b', 'first', 'somewhere/a.jpg'), row('a', 'second', 'b.jpg'), row('c', 'third')];
  const images = await openParquetImages([await fileOf('paths.parquet', parquet(rows))]);
  assert.equal(text(await images.read('a.jpg')), 'first');
  assert.equal(text(await images.read('b.jpg')), 'second');
  assert.equal(text(await images.read('c.jpg')), 'third');
  await images.close();
});

test('a path does not match a name in another folder', async () => {
  const images = await openParquetImages([await fileOf('folders.parquet', parquet([row('x', 'first', 'image.png')]))]);
  await assert.rejects(images.read('12/image.png'), { code: 'missing' });
  await images.close();
});

test('COCO names are found by the image number, not the question number', async () => {
  const numbers: Partial<SchemaElement> = { type: 'INT64' };
  const rows = [row(42n as unknown as number, 'forty-two'), row(425n as unknown as number, 'other')];
  const byImage = parquet(rows, { idColumn: 'image_id', idSchema: numbers });
  const byQuestion = parquet(rows, { idColumn: 'question_id', idSchema: numbers });
  const images = await openParquetImages([await fileOf('coco.parquet', byImage)]);
  assert.equal(text(await images.read('COCO_val2014_000000000042.jpg')), 'forty-two');
  await assert.rejects(images.read('COCO_val2014_000000000043.jpg'), { code: 'missing' });
  await images.close();
  const questions = await openParquetImages([await fileOf('coco-questions.parquet', byQuestion)]);
  await assert.rejects(questions.read('COCO_val2014_000000000425.jpg'), { code: 'missing' });
  await questions.close();
});

test('ids may be complete file names', async () => {
  const name = 'COCO_val2014_000000310196';
  const bytes = parquet([row(name, 'without'), row('n1.jpg', 'with')], { idColumn: 'image_source' });
  const images = await openParquetImages([await fileOf('sources.parquet', bytes)]);
  assert.equal(text(await images.read(`${name}.jpg`)), 'without');
  assert.equal(text(await images.read('n1.jpg')), 'with');
  await images.close();
});

test('images in several files; for duplicate names the first one is used', async () => {
  const paths = [
    await fileOf('part-0.parquet', parquet([row('a', 'a of the first'), row('b', 'b of the first')])),
    await fileOf('part-1.parquet', parquet([row('b', 'b of the second'), row('c', 'c of the second')])),
  ];
  const images = await openParquetImages(paths);
  assert.equal(text(await images.read('c.jpg')), 'c of the second');
  assert.equal(text(await images.read('b.jpg')), 'b of the first');
  await assert.rejects(images.read('d.jpg'), {
    name: 'ImageError',
    code: 'missing',
    message: `d.jpg is not in ${paths.join(', ')}`,
  });
  await images.close();
});

test('a row without an image is reported with file and row; other rows are not shifted', async () => {
  const rows: Row[] = [
    { id: 'none', image: null },
    row('a', 'picture of a'),
    { id: 'empty', image: { bytes: null, path: null } },
    row('b', 'picture of b'),
  ];
  const path = await fileOf('null.parquet', parquet(rows, { rowsPerGroup: 4 }));
  const images = await openParquetImages([path]);
  assert.equal(text(await images.read('b.jpg')), 'picture of b');
  assert.equal(text(await images.read('a.jpg')), 'picture of a');
  await assert.rejects(images.read('none.jpg'), { code: 'missing', message: `none.jpg (${path}, row 0) has no bytes` });
  await assert.rejects(images.read('empty.jpg'), { code: 'missing', message: /row 2\) has no bytes$/ });
  await images.close();
});

test('truncated files, other formats and inconsistent metadata are errors that name the file', async () => {
  const whole = parquet(TEN);
  const lying = whole.slice();
  new DataView(lying.buffer).setUint32(lying.length - 8, 0xfffffff0, true);
  const shorter = whole.slice();
  new DataView(shorter.buffer).setUint32(shorter.length - 8, 3, true);
  const broken = {
    cut: whole.subarray(0, whole.length - 100),
    text: Buffer.from('no parquet'),
    empty: Buffer.alloc(0),
  };
  for (const [name, bytes] of Object.entries({ ...broken, lying, shorter })) {
    const path = await fileOf(`broken-${name}.parquet`, bytes);
    await assert.rejects(
      openParquetImages([path]),
      (error: Error) =>
        error.name === 'UserError' && error.message.startsWith(`${path} cannot be read as a Parquet file`),
      name,
    );
  }
  const renamed = whole.slice();
  renamed.set(Buffer.from('patm'), Buffer.from(whole).indexOf('path', parquetMetadata(whole).metadata_length * -1));
  await assert.rejects(openParquetImages([await fileOf('renamed.parquet', renamed)]), {
    name: 'UserError',
    message: /the columns of row group 0 differ from the schema/,
  });
  const none = join(folder, 'none.parquet');
  await assert.rejects(openParquetImages([none]), { name: 'UserError', message: /none\.parquet cannot be opened/ });
});

test('a damaged row group only affects its own images', async () => {
  const bytes = parquet(TEN, { rowsPerGroup: 5 });
  const chunk = parquetMetadata(bytes).row_groups[0]!.columns[1]!.meta_data!;
  bytes.fill(0xff, Number(chunk.data_page_offset), Number(chunk.data_page_offset) + 40);
  const path = await fileOf('broken-group.parquet', bytes);
  const images = await openParquetImages([path]);
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(images.read('n1.jpg'), {
      name: 'ImageError',
      code: 'unreadable',
      message: /row 1, cannot be/,
    });
  }
  assert.equal(text(await images.read('n8.jpg')), '8'.repeat(100));
  await images.close();
});

test('the error for a file without images or names lists its columns', async () => {
  const answers = parquetWriteBuffer({ columnData: [{ name: 'answer', data: ['yes', 'no'] }] });
  const path = await fileOf('answers.parquet', new Uint8Array(answers));
  await assert.rejects(openParquetImages([path]), {
    name: 'UserError',
    message: `${path} has no column "image" of records with "bytes"; it has the columns answer.`,
  });
  const schema: SchemaElement[] = [
    { name: 'schema', num_children: 1 },
    { name: 'image', num_children: 1, repetition_type: 'OPTIONAL' },
    { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
  ];
  const columnData = [{ name: 'image', data: [{ bytes: Buffer.from('picture') }] }];
  const unnamed = await fileOf('unnamed.parquet', new Uint8Array(parquetWriteBuffer({ columnData, schema })));
  await assert.rejects(openParquetImages([unnamed]), {
    name: 'UserError',
    message: /unnamed\.parquet has neither "image\.path" nor a column named image_id, .*; it has the columns image\.$/,
  });
});

test("a benchmark's folder: its Parquet files and those of data/, except those without images", async () => {
  const place = join(folder, 'benchmark');
  assert.equal(await openParquetFolder(place), null);
  await mkdir(join(place, 'data'), { recursive: true });
  const answers = parquetWriteBuffer({ columnData: [{ name: 'answer', data: ['yes', 'no'] }] });
  await fileOf('benchmark/answers.parquet', new Uint8Array(answers));
  assert.equal(await openParquetFolder(place), null);
  await fileOf('benchmark/a.parquet', parquet([row('a', 'picture of a')]));
  await fileOf('benchmark/data/b.parquet', parquet([row('b', 'picture of b')]));
  const images = await openParquetFolder(place);
  assert.equal(text(await images!.read('a.jpg')), 'picture of a');
  assert.equal(text(await images!.read('b.jpg')), 'picture of b');
  await images!.close();
});
