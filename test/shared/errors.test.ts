import assert from 'node:assert/strict';
import test from 'node:test';
import { ImageError, UserError } from '../../src/shared/errors.js';

test('a message cannot control the terminal', () => {
  const name = '\u001b]0;owned\u0007\r\u009b2J\u202ea.json\u0000';
  const shown = '\\u001b]0;owned\\u0007\\u000d\\u009b2J\\u202ea.json\\u0000 is missing.\nDownload it: 日本 🙂';
  assert.equal(new UserError(`${name} is missing.\nDownload it: 日本 🙂`).message, shown);
  assert.equal(new ImageError('missing', `${name} is missing.\nDownload it: 日本 🙂`).message, shown);
});

test('a very long message shows its beginning and end', () => {
  const { message } = new UserError(`a.json: ${'x'.repeat(1e6)}. Download it again.`);
  assert.match(message, /^a\.json: x+ \.\.\. x+\. Download it again\.$/);
  assert.ok(message.length < 1600);
});

test('a very long message is not cut within an escape', () => {
  const { message } = new UserError(`a.json: ${'\u0007'.repeat(2000)}`);
  assert.match(message, /^a\.json: (\\u0007)+ \.\.\. (\\u0007)+$/);
});
