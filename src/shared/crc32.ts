import * as zlib from 'node:zlib';

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** CRC-32 as zip and PNG have it. Node has one of its own from 20.15 on. @param crc of the bytes before */
export const crc32: (bytes: Uint8Array, crc?: number) => number =
  (zlib as { crc32?: (bytes: Uint8Array, crc?: number) => number }).crc32 ?? crc32ByTable;

function crc32ByTable(bytes: Uint8Array, start = 0): number {
  let crc = ~start >>> 0;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
