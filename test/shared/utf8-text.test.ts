import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeUtf8, decodeUtf8Chunks } from '../../src/shared/utf8-text.js';

const TEXT = 'é中😀\n\u2028 a\nß';

async function decodeIn(size: number, bytes: Buffer): Promise<string> {
  const chunks = async function* () {
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  };
  let text = '';
  for await (const part of decodeUtf8Chunks(chunks(), 'a.json')) text += part;
  return text;
}

test('chunks may end within a character, and only a mark at the start is dropped', async () => {
  const bytes = Buffer.from(`\ufeff${TEXT}\ufeff`);
  assert.equal(decodeUtf8(bytes, 'a.json'), `${TEXT}\ufeff`);
  for (let size = 1; size < 12; size++) assert.equal(await decodeIn(size, bytes), `${TEXT}\ufeff`);
  assert.equal(await decodeIn(1, Buffer.alloc(0)), '');
});

const INVALID: readonly [what: string, bytes: Buffer, line: number][] = [
  ['GBK', Buffer.from([0x61, 0x0a, 0xc4, 0xe3, 0xba, 0xc3, 0x0a]), 2],
  ['Latin-1 at the end', Buffer.from([0x61, 0x0a, 0x0a, 0x63, 0x61, 0x66, 0xe9]), 3],
  ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80, 0x0a]), 1],
  ['a character that is cut off', Buffer.from([0x0a, 0xf0, 0x9f, 0x98]), 2],
  ['a stray continuation byte', Buffer.from([0xc3, 0xa9, 0xa9, 0x0a, 0x61]), 1],
];

test('other encodings are refused with the line', async () => {
  for (const [what, bytes, line] of INVALID) {
    const error = { name: 'UserError', message: new RegExp(`^a\\.json, line ${line} is not UTF-8\\.`) };
    assert.throws(() => decodeUtf8(bytes, 'a.json'), error, what);
    for (let size = 1; size < 8; size++) await assert.rejects(decodeIn(size, bytes), error, `${what}, ${size}`);
  }
});
