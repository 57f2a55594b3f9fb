/*
 * node pack-parquet.mjs ../benchmarks: turns every <name>.parquet.rows.jsonl of samples_extra.py into <name>.parquet. Columns
 * named image or image_<n> have base64 pictures and become records with `bytes` and `path`, as in datasets on the hub.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';

const ENDING = '.rows.jsonl';
const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8' };

for (const name of readdirSync(process.argv[2], { recursive: true }).filter((file) => file.endsWith(ENDING))) {
  const path = join(process.argv[2], name);
  const rows = readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  const columns = Object.keys(rows[0]).map((title) => columnOf(title, rows.map((row) => row[title])));
  const schema = [{ name: 'schema', num_children: columns.length }, ...columns.flatMap((column) => column.schema)];
  const columnData = columns.map(({ name, data }) => ({ name, data }));
  writeFileSync(path.slice(0, -ENDING.length), new Uint8Array(parquetWriteBuffer({ columnData, schema, codec: 'SNAPPY' })));
  rmSync(path);
}

function columnOf(name, data) {
  if (/^image(_\d+)?$/.test(name)) {
    const known = new Map(); // equal pictures are one object, so that the writer can use a dictionary
    const record = (text) => {
      if (text === null) return null;
      if (!known.has(text)) known.set(text, new Uint8Array(Buffer.from(text, 'base64')));
      return { bytes: known.get(text), path: null };
    };
    const fields = [
      { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
      { name: 'path', ...TEXT, repetition_type: 'OPTIONAL' },
    ];
    return { name, data: data.map(record), schema: [{ name, num_children: 2, repetition_type: 'OPTIONAL' }, ...fields] };
  }
  if (data.some(Array.isArray)) {
    const list = [
      { name, num_children: 1, converted_type: 'LIST', repetition_type: 'OPTIONAL' },
      { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
      { name: 'element', ...TEXT, repetition_type: 'OPTIONAL' },
    ];
    return { name, data, schema: list };
  }
  if (data.every(Number.isInteger)) return { name, data: data.map(BigInt), schema: [{ name, type: 'INT64', repetition_type: 'OPTIONAL' }] };
  return { name, data, schema: [{ name, ...TEXT, repetition_type: 'OPTIONAL' }] };
}
