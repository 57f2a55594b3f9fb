/** The kind of a file according to its first bytes; `text` by default. */
export type FileKind = 'text' | 'gzip' | 'xlsx' | 'other';

interface Signature {
  /** With its article, for messages: "a PDF document". */
  name: string;
  kind: FileKind;
  /** @param head the first bytes, at most `HEAD_BYTES` */
  fits(head: Buffer): boolean;
}

/** Number of bytes that `kindOf` needs. */
export const HEAD_BYTES = 4096;

const startsWith =
  (...bytes: number[]) =>
  (head: Buffer): boolean =>
    head.subarray(0, bytes.length).equals(Buffer.from(bytes));
const textStart = (head: Buffer): string =>
  head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();

const SIGNATURES: readonly Signature[] = [
  { name: 'a gzip file', kind: 'gzip', fits: startsWith(0x1f, 0x8b) },
  {
    name: 'an Excel workbook (.xlsx)',
    kind: 'xlsx',
    // The first member's name is in the first bytes; all known writers start with one of these.
    fits: (head) =>
      startsWith(0x50, 0x4b, 3, 4)(head) &&
      /^(\[Content_Types\]|_rels\/|xl\/|docProps\/)/.test(head.toString('latin1', 30)),
  },
  { name: 'an old Excel workbook (.xls)', kind: 'other', fits: startsWith(0xd0, 0xcf, 0x11, 0xe0) },
  { name: 'a zip archive', kind: 'other', fits: startsWith(0x50, 0x4b, 3, 4) },
  { name: 'a zstd file', kind: 'other', fits: startsWith(0x28, 0xb5, 0x2f, 0xfd) },
  { name: 'an xz file', kind: 'other', fits: startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a) },
  { name: 'a bzip2 file', kind: 'other', fits: startsWith(0x42, 0x5a, 0x68) },
  { name: 'a Parquet file', kind: 'other', fits: startsWith(0x50, 0x41, 0x52, 0x31) },
  { name: 'an Arrow file', kind: 'other', fits: startsWith(0x41, 0x52, 0x52, 0x4f, 0x57, 0x31) },
  { name: 'an SQLite database', kind: 'other', fits: (head) => head.toString('latin1', 0, 15) === 'SQLite format 3' },
  { name: 'a NumPy array', kind: 'other', fits: startsWith(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59) },
  { name: 'a Python pickle', kind: 'other', fits: (head) => head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5 },
  { name: 'a PDF document', kind: 'other', fits: (head) => head.toString('latin1', 0, 5) === '%PDF-' },
  { name: 'a PNG image', kind: 'other', fits: startsWith(0x89, 0x50, 0x4e, 0x47) },
  { name: 'a JPEG image', kind: 'other', fits: startsWith(0xff, 0xd8, 0xff) },
  {
    name: 'a Git LFS pointer, not the file itself: fetch it with `git lfs pull`',
    kind: 'other',
    fits: (head) => textStart(head).startsWith('version https://git-lfs.github.com/spec/'),
  },
  {
    name: 'an HTML page, probably a login page that the server sent instead of the file',
    kind: 'other',
    fits: (head) => /^<(!doctype html|html|head|\?xml)/i.test(textStart(head)),
  },
  {
    name: 'a binary file',
    kind: 'other',
    fits: (head) =>
      head.includes(0) && !startsWith(0xff, 0xfe)(head) && !startsWith(0xfe, 0xff)(head) && !isUtf16(head),
  },
];

/** Detects a file's kind from its first bytes. @returns the kind, and its name with an article for messages */
export function kindOf(head: Buffer): { kind: FileKind; name: string } {
  return SIGNATURES.find(({ fits }) => fits(head)) ?? { kind: 'text', name: 'a text file' };
}

/** The encoding according to the byte order mark, or to zero bytes between Latin letters. */
export function encodingOf(head: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (startsWith(0xff, 0xfe)(head)) return 'utf-16le';
  if (startsWith(0xfe, 0xff)(head)) return 'utf-16be';
  if (!isUtf16(head)) return 'utf-8';
  return head[0] === 0 ? 'utf-16be' : 'utf-16le';
}

/** Detects UTF-16 without a byte order mark: all files here begin with ASCII, half of whose bytes are zero. */
function isUtf16(head: Buffer): boolean {
  if (head.length < 4) return false;
  return (
    (head[0] === 0) !== (head[1] === 0) && (head[0] === 0) === (head[2] === 0) && (head[1] === 0) === (head[3] === 0)
  );
}
