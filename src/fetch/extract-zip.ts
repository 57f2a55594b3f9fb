import { type Entry, openPromise, type ZipFileOptions } from 'yauzl';
import { UserError } from '../shared/errors.js';
import { isAbort } from '../shared/http/connections.js';
import { systemErrorMessage, systemReason, withPath } from '../shared/system-errors.js';
import {
  checkRoomFor,
  type ExtractOptions,
  entriesOf,
  isExtracted,
  type WantedMember,
  writeMember,
} from './zip-members.js';

/**
 * Extracts members of a local archive. Files that were already extracted are skipped.
 * @throws UserError when it is not a zip archive, or a member is missing, damaged or unsafe
 */
export async function extractZip(
  archive: string,
  wanted: readonly WantedMember[],
  { signal, onProgress }: ExtractOptions = {},
): Promise<void> {
  const zip = await openPromise(archive, { autoClose: false }).catch((error) => {
    throw new UserError(`${archive} cannot be read as a zip archive: ${systemReason(error, archive)}`, {
      cause: error,
    });
  });
  try {
    const entries: Entry[] = [];
    for await (const entry of zip.eachEntry()) entries.push(entry);
    const missing: { entry: Entry; to: string }[] = [];
    for (const member of entriesOf(archive, entries, wanted)) {
      if (!(await isExtracted(member.entry, member.to))) missing.push(member);
    }
    await checkRoomFor(missing);
    const totalBytes = missing.reduce((sum, { entry }) => sum + entry.compressedSize, 0);
    let doneBytes = 0;
    for (const { entry, to } of missing) {
      signal?.throwIfAborted();
      // yauzl accepts this option only for compressed members.
      const raw = entry.isCompressed() ? { decompress: false } : {};
      await writeMember(archive, entry, await zip.openReadStreamPromise(entry, raw as ZipFileOptions), to);
      doneBytes += entry.compressedSize;
      onProgress?.(doneBytes, totalBytes);
    }
  } catch (error) {
    const isOurs = error instanceof UserError || isAbort(error) || systemErrorMessage(error) !== null;
    if (isOurs) throw withPath(error, archive); // it is readable as an archive, but not now
    throw new UserError(`${archive} cannot be read as a zip archive: ${systemReason(error, archive)}`, {
      cause: error,
    });
  } finally {
    zip.close();
  }
}
