import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adaptiveLimit, MAX_REQUESTS, type RequestLimit } from '../../src/chat/adaptive-limit.js';

/** A server that answers `perSecond(n)` requests a second when it works on n at a time. */
function simulate(
  limit: RequestLimit,
  clock: { now: number },
  perSecond: (n: number) => number,
  answers: number,
): void {
  for (let i = 0; i < answers; i++) {
    clock.now += 1000 / perSecond(limit.current);
    limit.answered();
  }
}

test('the limit grows until more concurrent requests no longer help', () => {
  const clock = { now: 0 };
  const limit = adaptiveLimit(() => clock.now);
  simulate(limit, clock, (n) => Math.min(n, 40), 2000);
  assert.ok(limit.current >= 27 && limit.current <= 70, String(limit.current));
});

test('the limit stays low for a server that handles one request at a time', () => {
  const clock = { now: 0 };
  const limit = adaptiveLimit(() => clock.now);
  const seen = new Set<number>();
  for (let i = 0; i < 50; i++) {
    simulate(limit, clock, () => 2, 10);
    seen.add(limit.current);
  }
  assert.ok(Math.max(...seen) <= 6, [...seen].join());
});

test('the limit never exceeds the maximum', () => {
  const clock = { now: 0 };
  const limit = adaptiveLimit(() => clock.now);
  simulate(limit, clock, (n) => n, 20_000);
  assert.equal(limit.current, MAX_REQUESTS);
});

test('an overload halves the limit once, however many requests it hits, and never below 1', () => {
  const clock = { now: 0 };
  const limit = adaptiveLimit(() => clock.now);
  simulate(limit, clock, (n) => n, 500);
  const before = limit.current;
  assert.ok(before >= 13);
  const sent = clock.now;
  clock.now += 100;
  for (let i = 0; i < 10; i++) limit.overloaded(sent);
  assert.equal(limit.current, Math.floor(before / 2));
  for (let i = 0; i < 20; i++) {
    clock.now += 10;
    limit.overloaded(clock.now);
  }
  assert.equal(limit.current, 1);
});

test('the limit follows a server that becomes faster', () => {
  const clock = { now: 0 };
  const limit = adaptiveLimit(() => clock.now);
  simulate(limit, clock, () => 2, 200);
  const slow = limit.current;
  simulate(limit, clock, (n) => n, 5000);
  assert.ok(limit.current > 4 * slow, `${slow} -> ${limit.current}`);
});
