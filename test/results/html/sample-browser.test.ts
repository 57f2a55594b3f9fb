import assert from 'node:assert/strict';
import test from 'node:test';
import type { Page } from 'playwright-core';
import sharp from '../../../src/shared/sharp.js';
import { visibleText } from '../../../src/shared/visible-text.js';
import { openPage as open, skip } from './open-page.js';
import { type Answers, questions, reportOf } from './page-samples.js';

const rowsOf = (page: Page): Promise<string[]> => page.locator('#samples .row').allTextContents();
const focusedRow = (page: Page): Promise<string | null> => page.locator('.sample:focus .row').textContent();
const countOf = (page: Page): Promise<string | null> => page.locator('#count').textContent();

const RIGHT = { text: 'right', score: 1 };
const WRONG = { text: 'wrong', score: 0 };

/** 60 questions: the first model is right on 0 to 29, the second on 20 to 49 and partly on 50. */
const COUNT = 60;
const first: Answers = Array.from({ length: COUNT }, (_, row) => (row < 30 ? RIGHT : WRONG));
const second: Answers = Array.from({ length: COUNT }, (_, row) => {
  if (row === 50) return { text: 'nearly', score: 0.6 };
  if (row === 59) return { text: null, score: 0 };
  return row >= 20 && row < 50 ? RIGHT : WRONG;
});

test('filters, search, pages and keys', { skip }, async () => {
  const thumbnail = await sharp({ create: { width: 4, height: 3, channels: 3, background: 'red' } })
    .webp()
    .toBuffer();
  const { page, complaints } = await open(await reportOf(questions(COUNT), [first, second], { thumbnail }));

  // A page of samples with all that is known of each.
  assert.equal(await countOf(page), '60 of 60 samples');
  assert.equal((await rowsOf(page)).length, 25);
  assert.deepEqual(await page.locator('.sample').nth(20).locator('.answers li').allTextContents(), [
    'A✓right',
    'B✓right',
  ]);
  assert.equal(await page.locator('.sample .references').first().textContent(), 'reference: answer 0 ×7, unknown ×3');
  assert.equal(await page.locator('#instruction').textContent(), 'Every prompt ends with Answer with one word.');
  assert.equal(await page.locator('.sample img').count(), 20); // 10 images, two questions each
  assert.equal(
    await page
      .locator('.sample img')
      .first()
      .evaluate((image: { naturalWidth?: number }) => image.naturalWidth),
    4,
  );

  // Filters.
  const who = page.locator('select[name="who"]');
  const [a, b] = [page.getByLabel('small'), page.getByLabel('large')];
  await who.selectOption('all');
  assert.equal(await countOf(page), '10 of 60 samples');
  await who.selectOption('some');
  assert.equal(await countOf(page), '41 of 60 samples');
  await who.selectOption('none');
  assert.equal(await countOf(page), '9 of 60 samples');
  await who.selectOption('failed');
  assert.deepEqual(await rowsOf(page), ['#59']);
  assert.equal(await page.locator('.answers li').nth(1).textContent(), 'B–failed: image-unreadable');
  await who.selectOption('any');
  await a.selectOption('right');
  await b.selectOption('wrong');
  assert.equal(await countOf(page), '20 of 60 samples');
  await page.locator('select[name="category"]').selectOption({ label: 'odd' });
  assert.deepEqual((await rowsOf(page)).slice(0, 3), ['#1', '#3', '#5']);
  await a.selectOption('');
  await b.selectOption('');
  await page.locator('select[name="category"]').selectOption('');

  // Search by the keyboard, in questions, right answers and answers, then back to the list.
  await page.keyboard.press('/');
  await page.keyboard.type('NEARLY');
  assert.deepEqual(await rowsOf(page), ['#50']);
  assert.equal(await page.locator('.score').nth(1).textContent(), '0.60');
  await page.locator('input[name="search"]').fill('number 4');
  assert.equal(await countOf(page), '11 of 60 samples');
  await page.locator('input[name="search"]').fill('');
  await page.keyboard.press('Escape');
  assert.equal(await focusedRow(page), '#0');

  // Keys.
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focusedRow(page), '#2');
  await page.keyboard.press('k');
  assert.equal(await focusedRow(page), '#1');
  await page.keyboard.press('n');
  assert.equal(await focusedRow(page), '#25');
  await page.keyboard.press('ArrowUp');
  assert.equal(await focusedRow(page), '#24');
  await page.keyboard.press('j');
  assert.equal(await focusedRow(page), '#25');
  await page.getByRole('button', { name: 'next' }).click();
  assert.equal(await page.locator('#page').textContent(), '51–60');
  assert.ok(await page.getByRole('button', { name: 'next' }).isDisabled());
  assert.equal(await page.locator('.sample[tabindex="0"]').count(), 1);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('hostile texts stay text and do not break the page', { skip }, async () => {
  const hostile = [
    '<img src=x onerror="document.title=1">',
    '</script><script>document.title=1</script>',
    '<!--<script>',
    '\u202eright to left\u2066\u05d0',
    'a\0b\ud800c',
    'long'.repeat(3_000),
    '__proto__',
    '<b>&amp;',
  ];
  const asked = {
    prompts: hostile,
    images: hostile.map((text) => text.slice(0, 50)),
    categories: hostile.map((text) => text.slice(0, 50)),
    right: hostile.map((text) => Object.fromEntries([[text, 1]])),
  };
  const shown = hostile.map(visibleText);
  assert.ok(shown.includes('\\u202eright to left\\u2066\u05d0'));
  const answers = hostile.map((text) => ({ text, score: 1 }));
  const { page, complaints } = await open(await reportOf(asked, [answers, answers]));
  const title = await page.title();
  await page.setViewportSize({ width: 390, height: 800 });
  assert.deepEqual(await page.locator('.prompt:not(q)').allTextContents(), shown);
  assert.deepEqual(await page.locator('.references b').allTextContents(), shown);
  assert.deepEqual(
    (await page.locator('.answer').allTextContents()).filter((_, i) => i % 2 === 0),
    shown,
  );
  assert.equal(await page.locator('#samples img, #samples script, #samples b b').count(), 0);
  await page.locator('select[name="category"]').selectOption({ label: hostile[0]! });
  assert.equal(await countOf(page), '1 of 8 samples');
  assert.equal(await page.title(), title);
  const [width, room] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  );
  assert.ok(width <= room, `the page is ${width} wide where there is room for ${room}`);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('scripts from elsewhere do not run', { skip }, async () => {
  const html = await reportOf(questions(2), [first.slice(0, 2), second.slice(0, 2)]);
  const { page, complaints } = await open(html.replace('</body>', '<script>document.title = "run"</script></body>'));
  assert.notEqual(await page.title(), 'run');
  assert.match(complaints.join(), /Content Security Policy/);
  await page.close();
});
