import assert from 'node:assert/strict';
import test from 'node:test';
import { progressLine, startProgress } from '../../src/terminal/answer-progress.js';
import { fakeStream } from '../fake-stream.js';

const accuracy = (value: number) => ({ name: 'accuracy', value, unit: 'percent' }) as const;

test('rate and time left are those of this session', () => {
  const line = progressLine({ total: 5000, done: 1000 }, { answered: 1298, failed: 2, score: accuracy(67.12) }, 100);
  assert.equal(line, '1298/5000, 3.00 questions/s, 20:34 left, accuracy 67.1 %, 2 failed'); // 3700 to go at 3 a second
});

for (const [name, state, seconds, line] of [
  ['nothing yet', { answered: 0, failed: 0, score: null }, 0, '0/20000'],
  ['an hour and more', { answered: 10, failed: 0, score: null }, 10, '10/20000, 1.00 questions/s, 5:33:10 left'],
  [
    'many a second',
    { answered: 1000, failed: 0, score: accuracy(100) },
    10,
    '1000/20000, 100 questions/s, 3:10 left, accuracy 100.0 %',
  ],
  [
    'the end',
    { answered: 19999, failed: 1, score: accuracy(0) },
    10,
    '19999/20000, 2000 questions/s, accuracy 0.0 %, 1 failed',
  ],
] as const) {
  test(`a line for ${name}`, () => assert.equal(progressLine({ total: 20000, done: 0 }, state, seconds), line));
}

test('without a terminal: a line at the start, at the end, and every 30 s at most', () => {
  const { stream, text } = fakeStream(false);
  let seconds = 0;
  const progress = startProgress({ total: 100, done: 0, stream, now: () => seconds * 1000 });
  for (let answered = 1; answered <= 100; answered++) {
    seconds = answered;
    progress.update({ answered, failed: 0, score: accuracy(50) });
    if (answered === 40) progress.log('image 7 cannot be read');
  }
  progress.stop();
  assert.deepEqual(text().split('\n'), [
    '0/100',
    '30/100, 1.00 questions/s, 1:10 left, accuracy 50.0 %',
    'image 7 cannot be read',
    '60/100, 1.00 questions/s, 0:40 left, accuracy 50.0 %',
    '90/100, 1.00 questions/s, 0:10 left, accuracy 50.0 %',
    '100/100, 1.00 questions/s, accuracy 50.0 %',
    '',
  ]);
});

test('on a terminal: a bar that lines are printed above', () => {
  const { stream, text } = fakeStream(true);
  let seconds = 0;
  const progress = startProgress({ total: 100, done: 20, stream, now: () => seconds * 1000 });
  seconds = 10;
  progress.update({ answered: 40, failed: 0, score: accuracy(50) });
  progress.log('image 7 cannot be read');
  seconds = 20;
  progress.update({ answered: 59, failed: 1, score: accuracy(50) });
  progress.log('image 9 cannot be read');
  progress.stop();
  const written = text();
  const steps = [
    'image 7 cannot be read\n',
    '40/100, 2.00 questions/s, 0:30 left, accuracy 50.0 %',
    'image 9 cannot be read\n',
    '59/100, 2.00 questions/s, 0:20 left, accuracy 50.0 %, 1 failed',
  ];
  let position = 0;
  for (const step of steps) {
    position = written.indexOf(step, position);
    assert.ok(position >= 0, `${JSON.stringify(step)} in ${JSON.stringify(written)}`);
  }
  assert.ok(written.includes('[==========--------------]'), 'the bar at 40 %');
  assert.ok(written.lastIndexOf('\u001b[?7h') > written.lastIndexOf('\u001b[?7l'), 'line wrapping is on again');
  assert.ok(written.endsWith('\n'));
});

test('a message logged last is not lost', () => {
  const { stream, text } = fakeStream(true);
  const progress = startProgress({ total: 1, done: 0, stream });
  progress.log('interrupted');
  progress.stop();
  assert.ok(text().includes('interrupted\n'));
});
