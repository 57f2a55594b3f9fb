import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTransferProgress } from '../../src/terminal/transfer-progress.js';
import { fakeStream } from '../fake-stream.js';

test('without a terminal: lines, and where a long transfer is every 30 s at most', () => {
  const { stream, text } = fakeStream(false);
  let seconds = 0;
  const progress = startTransferProgress(stream, () => seconds * 1000);
  progress.log('a.zip, from http://example.org');
  const transfer = progress.begin('a.zip', 100e6);
  for (seconds = 1; seconds <= 50; seconds++) transfer.update(seconds * 1e6);
  transfer.end();
  progress.stop();
  assert.equal(text(), 'a.zip, from http://example.org\n  a.zip: 30.0 of 100.0 MB\n');
});

test('on a terminal: a bar for each file and one for all of them', () => {
  const { stream, text } = fakeStream(true);
  const progress = startTransferProgress(stream);
  const first = progress.begin('a.zip', 10e6);
  const second = progress.begin('b.zip', null);
  const covers = progress.begin('images', 3, 'files');
  first.update(4e6);
  second.update(1e6, 5e6);
  covers.update(2);
  progress.log('said in between');
  first.end();
  progress.stop();
  assert.match(text(), /a\.zip 4\.0 of 10\.0 MB/);
  assert.match(text(), /b\.zip 1\.0 of 5\.0 MB/);
  assert.match(text(), /images 2 of 3 files/);
  assert.match(text(), /total 5\.0 of 15\.0 MB/, 'files are not bytes');
  assert.match(text(), /said in between\n/);
});
