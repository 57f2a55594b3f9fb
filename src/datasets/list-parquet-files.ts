import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../shared/errors.js';
import { systemReason } from '../shared/system-errors.js';

/** The Parquet files in a folder or in its `data/`. @throws UserError when a folder cannot be listed */
export async function parquetFilesOf(folder: string): Promise<string[]> {
  return [...(await listParquet(folder)), ...(await listParquet(join(folder, 'data')))];
}

async function listParquet(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw new UserError(`${folder} cannot be listed: ${systemReason(error, folder)}`, { cause: error });
  });
  const parquet = names.filter((name) => name.endsWith('.parquet')).sort();
  return parquet.map((name) => join(folder, name));
}
