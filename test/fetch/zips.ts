import { once } from 'node:events';
import { ZipFile } from 'yazl';

/** Members of an archive in their order. */
export type Members = readonly { name: string; content: Uint8Array; stored?: boolean; symlink?: boolean }[];

/** A zip archive in memory. */
export async function makeZip(members: Members): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { name, content, stored = false, symlink = false } of members) {
    zip.addBuffer(Buffer.from(content), name, {
      compress: !stored,
      mtime: new Date(0),
      ...(symlink ? { mode: 0o120777 } : {}),
    });
  }
  zip.end();
  const chunks: Buffer[] = [];
  zip.outputStream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(zip.outputStream, 'end');
  return Buffer.concat(chunks);
}
