import { existsSync } from 'node:fs';
import type { Ownership } from '../../shared/json-file.js';
import { type JsonLinesFile, openJsonLines, readJsonLines } from '../../shared/json-lines.js';
import { COUNT, nullable, objectOf, SHA256, schemaCheck, TEXT } from '../../shared/json-schema.js';

/**
 * One line of images.jsonl: what an image was when the run read it. Answers depend on the image's bytes, of which their
 * `answer_id` is made; the stamp spares reading an image again only to learn that it is the same. The last line of a name
 * counts.
 */
export interface ImageHash {
  /** The image's name in the benchmark. */
  image: string;
  /** Of the encoded bytes. */
  sha256: string;
  /** Size; null where it takes reading to know it. */
  bytes: number | null;
  /** Times of the file, or the checksum in an archive's directory. */
  mark: string;
}

const checkImage = schemaCheck<ImageHash>(
  objectOf<ImageHash>({ image: TEXT, sha256: SHA256, bytes: nullable(COUNT), mark: TEXT }),
);

/** Opens images.jsonl for appending. @param known is filled with what the file holds, by the images' names */
export function openImageHashes(
  path: string,
  known: Map<string, ImageHash>,
  owner?: Ownership,
): Promise<JsonLinesFile<ImageHash>> {
  return openJsonLines(path, checkImage, (line) => known.set(line.image, line), owner);
}

/** What a run's images were, by their names; empty for runs of versions that did not note it. Damaged lines are left out. */
export async function readImageHashes(path: string): Promise<Map<string, ImageHash>> {
  const known = new Map<string, ImageHash>();
  if (existsSync(path)) await readJsonLines(path, checkImage, (line) => known.set(line.image, line));
  return known;
}
