import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTemporaryStatus, retryAfterMs, retryTemporary, TemporaryFailure } from '../../../src/shared/http/retry.js';
import { printMessagesBy } from '../../../src/shared/log.js';

const policy = { retries: 3, minTimeoutMs: 1 };

test('Retry-After is seconds or a date; anything else means no pause', () => {
  assert.equal(retryAfterMs('2'), 2000);
  assert.equal(retryAfterMs(' 1.5 '), 1500);
  const wait = retryAfterMs(new Date(Date.now() + 60_000).toUTCString());
  assert.ok(wait > 55_000 && wait <= 60_000, String(wait));
  assert.equal(retryAfterMs('Wed, 21 Oct 2015 07:28:00 GMT'), 0);
  for (const header of [null, '', '-1', 'never', '1e999', 'Infinity', '0x10']) assert.equal(retryAfterMs(header), 0);
});

test('which statuses are temporary', () => {
  assert.deepEqual([408, 425, 429, 500, 503, 529].filter(isTemporaryStatus).length, 6);
  assert.deepEqual([200, 301, 400, 401, 404, 409, 416].filter(isTemporaryStatus), []);
});

test('temporary failures are retried, others are not', async () => {
  let calls = 0;
  const failing = (error: Error) => async () => {
    calls++;
    throw error;
  };
  await assert.rejects(retryTemporary(failing(new TemporaryFailure('busy')), policy), { message: 'busy' });
  assert.equal(calls, 4);
  await assert.rejects(retryTemporary(failing(new TemporaryFailure('in an hour', 3_600_000)), policy));
  assert.equal(calls, 5);
  await assert.rejects(retryTemporary(failing(new Error('wrong')), policy), { message: 'wrong' });
  assert.equal(calls, 6);
});

test('retries are told from the second failure on, with the pause', async () => {
  const told: string[] = [];
  const printAsBefore = printMessagesBy((text) => told.push(text));
  const failing = async (): Promise<void> => {
    throw new TemporaryFailure('http://a answered 503');
  };
  await assert.rejects(retryTemporary(failing, policy));
  printAsBefore();
  assert.deepEqual(told, [
    'http://a answered 503. Trying again in 1 s (failure 2 in a row).',
    'http://a answered 503. Trying again in 1 s (failure 3 in a row).',
  ]);
});

test('a long pause is told after the first failure already', async () => {
  const told: string[] = [];
  const printAsBefore = printMessagesBy((text) => told.push(text));
  const cancel = new AbortController();
  const once = async (): Promise<void> => {
    setTimeout(() => cancel.abort(new Error('cancelled')), 10);
    throw new TemporaryFailure('http://a answered 429', 100_000);
  };
  await assert.rejects(retryTemporary(once, policy, cancel.signal), { message: 'cancelled' });
  printAsBefore();
  assert.deepEqual(told, ['http://a answered 429. Trying again in 101 s.']);
});

test('aborting ends the pause between retries', async () => {
  const cancel = new AbortController();
  const once = async (): Promise<void> => {
    setTimeout(() => cancel.abort(new Error('cancelled')), 10);
    throw new TemporaryFailure('busy', 100_000);
  };
  await assert.rejects(retryTemporary(once, policy, cancel.signal), { message: 'cancelled' });
});
