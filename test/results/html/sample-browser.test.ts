import assert from 'node:assert/strict';
import test from 'node:test';
import type { Page } from 'playwright-core';
import sharp from '../../../src/shared/sharp.js';
import { visibleText } from '../../../src/shared/visible-text.js';
import { openPage as open, skip } from './open-page.js';
import { type Answers, questions, reportOf } from './page-samples.js';

const rowsOf = (page: Page): Promise<string[]> => page.locator('#samples .row').allTextContents();
const focusedRow = (page: Page): Promise<string | null> => page.locator('.sample:focus .row').textContent();
const fragmentOf = (page: Page): Promise<string> => page.evaluate('location.hash');
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

test('a question in a view of its own: image, whole prompt, all answers with what differs', { skip }, async () => {
  const thumbnail = await sharp({ create: { width: 1024, height: 700, channels: 3, background: 'red' } })
    .webp()
    .toBuffer();
  const answers = (text: string): Answers => first.map(() => ({ text, score: 1 }));
  const html = await reportOf(questions(COUNT), [answers('a red bus'), answers('a blue bus')], { thumbnail });
  const { page, complaints } = await open(html, { viewport: { width: 1280, height: 800 } });
  const view = page.locator('#question');
  const width = (): Promise<number> =>
    view.locator('img').evaluate((image: { clientWidth: number }) => image.clientWidth);
  const row = (): Promise<string | null> => view.locator('.row').textContent();

  // By click on the image, which is then larger, and in full size after another one.
  assert.ok(!(await view.isVisible()));
  await page.locator('.sample img').nth(1).click();
  assert.equal(await row(), '#1');
  assert.equal(await view.locator('.prompt').textContent(), 'What is number 1?\nAnswer with one word.');
  assert.deepEqual(await view.locator('.answer').allTextContents(), ['a red bus', 'a blue bus']);
  assert.deepEqual(await view.locator('.model').allTextContents(), ['small at 448 px', 'large at 1024 px']);
  assert.deepEqual(await view.locator('.answers mark').allTextContents(), ['blue']);
  const fitted = await width();
  assert.ok(fitted > 600, String(fitted));
  await view.locator('img').click();
  assert.equal(await width(), 1024);
  await page.keyboard.press('z');
  assert.equal(await width(), fitted);

  // Keys go to other questions and back to the list; the address leads to the question.
  await page.keyboard.press('j');
  assert.equal(await row(), '#2');
  assert.equal(await fragmentOf(page), '#browser?question=2');
  await page.keyboard.press('k');
  await page.keyboard.press('Escape');
  assert.ok(!(await view.isVisible()));
  assert.equal(await focusedRow(page), '#1');
  await page.keyboard.press('Enter');
  assert.equal(await row(), '#1');
  await page.getByRole('button', { name: 'close' }).click();
  await page.locator('.sample .row').nth(4).click();
  assert.equal(await row(), '#4');

  // On a telephone.
  await page.setViewportSize({ width: 390, height: 800 });
  await page.keyboard.press('z');
  const overflows = await page.evaluate<number[]>(
    "['html', '#question'].map((name) => document.querySelector(name)).map((e) => e.scrollWidth - e.clientWidth)",
  );
  assert.deepEqual(overflows, [0, 0]);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('filters are in the address, which opens the page in the same state', { skip }, async () => {
  const html = await reportOf(questions(COUNT), [first, second]);
  const { page, complaints } = await open(html);
  await page.getByLabel('small').selectOption('wrong');
  await page.locator('select[name="category"]').selectOption({ label: 'odd' });
  await page.locator('input[name="search"]').fill('number 3');
  assert.equal(await countOf(page), '5 of 60 samples');
  const fragment = 'browser?category=odd&model+A=wrong&search=number+3';
  assert.equal(await fragmentOf(page), `#${fragment}`);
  await page.close();

  const other = await open(html, {}, `${fragment}&question=35`);
  assert.equal(await countOf(other.page), '5 of 60 samples');
  assert.equal(await other.page.locator('#question .row').textContent(), '#35');
  assert.equal(await other.page.locator('input[name="search"]').inputValue(), 'number 3');
  await other.page.keyboard.press('Escape');
  await other.page.waitForFunction(`location.hash === '#${fragment}'`); // the event that a dialog is closed comes later

  // Nothing is found: a word, and a way back.
  await other.page.locator('input[name="search"]').fill('nothing like it');
  assert.equal(await countOf(other.page), '0 of 60 samples');
  assert.match((await other.page.locator('#empty').textContent())!, /^No question matches/);
  await other.page.getByRole('button', { name: 'Clear the filters' }).click();
  assert.equal(await countOf(other.page), '60 of 60 samples');
  assert.ok(await other.page.locator('#empty').isHidden());
  assert.equal(await fragmentOf(other.page), '#browser');

  // Names that the page lacks are ignored.
  await other.page.goto(`${page.url().split('#')[0]}#browser?page=3&set=gone&who=gone&model+Z=right&__proto__=1`);
  await other.page.locator('#samples .row', { hasText: '#50' }).waitFor();
  assert.equal(await countOf(other.page), '60 of 60 samples');
  assert.deepEqual([...complaints, ...other.complaints], []);
  await other.page.close();
});

test('12,000 questions: a part of them, and a page that stays narrow and quick to search', { skip }, async () => {
  const asked = questions(12_000);
  const answers = (text: string): Answers =>
    asked.prompts.map((_, row) => ({ text: `${text} ${row}`, score: row % 2 }));
  const { page, complaints } = await open(await reportOf(asked, [answers('one'), answers('other')]), {
    viewport: { width: 390, height: 800 },
  });
  assert.equal(await countOf(page), '10,000 of 10,000 samples (a subset of 12,000 questions)');
  await page.locator('input[name="search"]').fill('other 119');
  const count = Number(/^\d+/.exec((await countOf(page))!)![0]);
  assert.ok(count > 50 && count <= 112, String(count));
  assert.equal((await rowsOf(page)).length, 25);
  assert.equal(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0);
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
