import assert from 'node:assert/strict';
import test from 'node:test';
import type { Page } from 'playwright-core';
import { openPage, skip } from './open-page.js';
import { manyRuns, questions, reportOfMany } from './page-samples.js';

/** Eleven benchmarks and eight models. */
const html = skip ? '' : await reportOfMany(manyRuns(), questions(4));

/** By how many pixels the page is wider than the window. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

interface Box {
  left: number;
  right: number;
}

const boxOf = (page: Page, selector: string): Promise<Box> =>
  page.evaluate(
    `(({ left, right }) => ({ left, right }))(document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect())`,
  );

/** Texts of plots that are not wholly inside of them. */
const cutLabels = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('figure svg.plot')].flatMap((plot) => {
    const whole = plot.getBoundingClientRect();
    return [...plot.querySelectorAll('text')].filter((text) => {
      const { left, right, top, bottom } = text.getBoundingClientRect();
      return left < whole.left - 1 || right > whole.right + 1 || top < whole.top - 1 || bottom > whole.bottom + 1;
    }).map(({ textContent }) => textContent);
  })`);

const HEADING = '#scores thead th:first-child';
const MODEL = '#scores tbody tr:last-child th';
const FIRST_SCORE = '#scores tbody tr:last-child td:nth-child(2)';
const LAST_SCORE = '#scores tbody tr:last-child td:last-child';

test('at 1,280 px and on paper all benchmarks are in view', { skip }, async () => {
  const { page, complaints } = await openPage(html, { viewport: { width: 1280, height: 800 } });
  assert.equal(await overflow(page), 0);
  assert.ok((await boxOf(page, LAST_SCORE)).right <= 1280);
  assert.deepEqual(await cutLabels(page), []);
  assert.equal(await page.locator('#scores thead th').count(), 12);
  // A legend per row of plots.
  assert.deepEqual(
    await page
      .locator('.legend')
      .evaluateAll((lists: { children: { length: number } }[]) => lists.map(({ children }) => children.length)),
    [4, 7, 4],
  );
  // Printed on A4, less margins.
  await page.setViewportSize({ width: 1032, height: 700 });
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  assert.equal(await overflow(page), 0);
  const [ground, breaks] = await page.evaluate<string[]>(
    "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h2')).breakAfter]",
  );
  assert.deepEqual([ground, breaks], ['rgb(255, 255, 255)', 'avoid']);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('at 390 px the models stay beside the scores, of which the first is in view', { skip }, async () => {
  const { page } = await openPage(html, { viewport: { width: 390, height: 800 }, colorScheme: 'dark' });
  assert.equal(await overflow(page), 0);
  assert.ok((await boxOf(page, FIRST_SCORE)).right <= 390);
  const before = await boxOf(page, MODEL);
  await page.locator('#scores .wide').evaluate((box: { scrollLeft: number }) => {
    box.scrollLeft = 10_000;
  });
  assert.deepEqual(await boxOf(page, MODEL), before);
  assert.deepEqual(await boxOf(page, HEADING), { ...before });
  const last = await boxOf(page, LAST_SCORE);
  assert.ok(last.left >= before.right && last.right <= 390, JSON.stringify(last));
  assert.deepEqual(await cutLabels(page), []);
  // What scrolls past the models is not seen through them.
  const colours = await page.evaluate<string[]>(
    `[document.body, document.querySelector(${JSON.stringify(MODEL)})].map((e) => getComputedStyle(e).backgroundColor)`,
  );
  assert.equal(colours[0], 'rgb(21, 23, 27)');
  assert.equal(colours[1], colours[0]);
  await page.close();
});
