import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { decodeImage } from '../../../src/model/images/decode-image.js';
import { crc32 } from '../../../src/shared/crc32.js';
import { fixture } from '../../fixtures.js';

const png = readFileSync(fixture('reference', 'images', 's4_camera_gray.png'));

function chunk(type: string, data: Buffer, isDamaged = false): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE((crc32(body) ^ (isDamaged ? 1 : 0)) >>> 0, frame.length - 4);
  return frame;
}

/** The picture with a chunk behind its header, which has 13 bytes. */
const withChunk = (added: Buffer): Buffer => Buffer.concat([png.subarray(0, 33), added, png.subarray(33)]);

test('a wrong CRC-32 ahead of the pixels is refused, as by Pillow', async () => {
  const header = Buffer.from(png);
  header[29]! ^= 1;
  await assert.rejects(decodeImage(header, 'a.png'), { code: 'unreadable', message: /a\.png.*"IHDR".*bad CRC-32/ });
  const text = Buffer.from('k\0value');
  await assert.rejects(decodeImage(withChunk(chunk('tEXt', text, true)), 'a.png'), { message: /"tEXt".*bad CRC-32/ });
  const { width } = await decodeImage(withChunk(chunk('tEXt', text)), 'a.png');
  assert.ok(width > 0);
});

test('CRC-32 after the pixels is not checked, as in Pillow', async () => {
  const end = Buffer.from(png);
  end[end.length - 1]! ^= 1;
  assert.deepEqual(await decodeImage(end, 'a.png'), await decodeImage(png, 'a.png'));
});
