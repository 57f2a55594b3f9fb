import { randomBytes } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from '../src/shared/crc32.js';

/*
 * `node download-server.js <bytes> <members>`: a server in a separate process that generates its responses, so that
 * they take neither memory nor disk space: /file with <bytes> bytes and /archive.zip with <members> members. Prints its
 * port.
 */

/** Incompressible; members differ only in where they start in it. */
const NOISE = randomBytes(1 << 20);
/** Members are as large as photographs of 640 px. */
const MEMBER_BYTES = { least: 50_000, most: 150_000 };
const LOCAL_HEADER_BYTES = 30;

const [fileBytes, memberCount] = process.argv.slice(2).map(Number);

interface Member {
  name: string;
  start: number;
  crc: number;
  data: Uint8Array;
}

interface Source {
  bytes: number;
  /** Yields pieces from an offset to the end. */
  from(start: number): Generator<Uint8Array>;
}

const sources: Record<string, Source> = { '/file': noise(fileBytes!), '/archive.zip': archive(memberCount!) };

const server = createServer(async ({ url = '', headers }, response) => {
  const source = sources[url];
  if (!source) return response.writeHead(404).end();
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
  const start = range ? Number(range[1]) : 0;
  const end = Math.min(source.bytes, range?.[2] ? Number(range[2]) + 1 : source.bytes);
  response.writeHead(range ? 206 : 200, {
    etag: '"made-up"',
    'content-length': end - start,
    ...(range && { 'content-range': `bytes ${start}-${end - 1}/${source.bytes}` }),
  });
  await send(response, source, start, end);
  return response.end();
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));

async function send(response: ServerResponse, source: Source, start: number, end: number): Promise<void> {
  let left = end - start;
  for (const piece of source.from(start)) {
    if (left === 0 || response.destroyed) return;
    const part = piece.subarray(0, left);
    left -= part.byteLength;
    if (!response.write(part)) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          response.off('drain', go).off('close', go);
          resolve();
        };
        response.on('drain', go).on('close', go);
      });
    }
  }
}

function noise(bytes: number): Source {
  return {
    bytes,
    *from(start) {
      for (let at = start; at < bytes; ) {
        const piece = NOISE.subarray(at % NOISE.byteLength);
        yield piece;
        at += piece.byteLength;
      }
    },
  };
}

/** A zip archive of stored members. */
function archive(count: number): Source {
  const members: Member[] = [];
  let directoryStart = 0;
  for (let i = 0; i < count; i++) {
    const name = `images/${String(i).padStart(6, '0')}.jpg`;
    const length = MEMBER_BYTES.least + ((i * 7919) % (MEMBER_BYTES.most - MEMBER_BYTES.least));
    const data = NOISE.subarray(i, i + length);
    members.push({ name, start: directoryStart, crc: crc32(data), data });
    directoryStart += LOCAL_HEADER_BYTES + name.length + length;
  }
  const directory = Buffer.concat([...members.map(directoryEntry), directoryEnd()]);
  return {
    bytes: directoryStart + directory.byteLength,
    *from(start) {
      const first = members.findLastIndex((member) => member.start <= start);
      let skipped = start - members[first]!.start;
      for (const piece of pieces(first)) {
        if (skipped < piece.byteLength) yield piece.subarray(skipped);
        skipped = Math.max(0, skipped - piece.byteLength);
      }
    },
  };

  function* pieces(first: number): Generator<Uint8Array> {
    for (const member of members.slice(first)) {
      yield localHeader(member);
      yield member.data;
    }
    yield directory;
  }

  function directoryEnd(): Buffer {
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(count, 8);
    end.writeUInt16LE(count, 10);
    end.writeUInt32LE(
      members.reduce((sum, { name }) => sum + 46 + name.length, 0),
      12,
    );
    end.writeUInt32LE(directoryStart, 16);
    return end;
  }
}

function localHeader({ name, crc, data }: Member): Buffer {
  const header = Buffer.alloc(LOCAL_HEADER_BYTES + name.length);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt32LE(crc, 14);
  header.writeUInt32LE(data.byteLength, 18);
  header.writeUInt32LE(data.byteLength, 22);
  header.writeUInt16LE(name.length, 26);
  header.write(name, LOCAL_HEADER_BYTES, 'latin1');
  return header;
}

function directoryEntry(member: Member): Buffer {
  const { name, start } = member;
  const entry = Buffer.alloc(46 + name.length);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(20, 4);
  localHeader(member).copy(entry, 6, 4, LOCAL_HEADER_BYTES); // the fields from here on are the same
  entry.writeUInt32LE(start, 42);
  entry.write(name, 46, 'latin1');
  return entry;
}
