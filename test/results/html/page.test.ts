import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { parseHTML } from 'linkedom';
import { jsonForScript } from '../../../src/results/html/page.js';
import type { PageData, Sample } from '../../../src/results/html/page-data.js';
import { type HtmlReportOptions, htmlReport } from '../../../src/results/html/report.js';
import { HOSTILE, mme, model } from '../reports/report-samples.js';
import { type Answers, type Questions, questions, reportOf, runSamples, twoRuns } from './page-samples.js';

const ANSWERS = [
  [
    { text: 'a', score: 1 },
    { text: 'b', score: 0 },
  ],
  [
    { text: 'a', score: 1 },
    { text: 'c', score: 0.6 },
  ],
] as const;

const html = await reportOf(questions(2), ANSWERS);
const { document } = parseHTML(html);

test('the policy allows the page its own script and style, data images, and nothing else', () => {
  const policy = document.querySelector('meta[http-equiv]')!.getAttribute('content')!.split('; ');
  const hash = (element: string) =>
    `'sha256-${createHash('sha256').update(document.querySelector(element)!.textContent!).digest('base64')}'`;
  assert.deepEqual(policy, [
    "default-src 'none'",
    'img-src data:',
    `script-src ${hash('script[type="module"]')}`,
    `style-src ${hash('style')}`,
    "base-uri 'none'",
    "form-action 'none'",
  ]);
  assert.equal(document.querySelectorAll('[style], [onclick], [onload], [onerror]').length, 0);
  assert.doesNotMatch(html, /(src|href)="?(https?:)?\/\//);
  assert.doesNotMatch(html, /sourceMappingURL|\bimport\s*[({'"]/);
});

test('tables: a letter per model with what tells it from others, the best score in bold, its interval below', () => {
  const rows = [...document.querySelectorAll('#scores tbody tr')].map((row) =>
    [...row.children].map(({ textContent }) => textContent),
  );
  assert.deepEqual(rows, [
    ['A small 448 px', '50.0 [49.0, 51.0]'],
    ['B large 1024 px', '60.0 [59.0, 61.0]'],
  ]);
  assert.match(document.querySelector('#scores .caption')!.textContent!, /^All models: precision fp32; device cpu\. /);
  assert.match(
    document.querySelector('#runs .caption')!.textContent!,
    /^All runs: machine Some CPU, 2 cores; protocol /,
  );
  assert.deepEqual(
    [...document.querySelectorAll('#scores strong')].map(({ textContent }) => textContent),
    ['60.0'],
  );
  assert.equal(document.querySelectorAll('#speed tbody tr, #runs tbody tr').length, 4);
});

test('a published number is below the measured one with its source, never in bold, and left out if its setting differs', async () => {
  const source = { title: '<b>A</b> paper', address: 'https://example.org/paper?a=1&b=2' };
  const page = parseHTML(
    await reportOf(questions(2), ANSWERS, {
      publishedOf: ({ record }) =>
        record.identity.model.name === 'small'
          ? { score: 99.5, source, mismatches: [], note: null }
          : { score: 98.5, source, mismatches: ['1536 px'], note: null },
    }),
  ).document;
  const rows = [...page.querySelectorAll('#scores tbody tr')].map((row) =>
    [...row.children].map(({ textContent }) => textContent!.trim()),
  );
  assert.deepEqual(rows, [
    ['A small 448 px', '50.0 [49.0, 51.0] published 99.5 [1]'],
    ['B large 1024 px', '60.0 [59.0, 61.0]'],
  ]);
  assert.deepEqual(
    [...page.querySelectorAll('#scores strong')].map(({ textContent }) => textContent),
    ['60.0'],
  );
  const text = page.querySelector('#scores')!.textContent!;
  assert.ok(text.includes(`[1] ${source.title}: ${source.address}`), text);
  assert.ok(!page.body.textContent!.includes('98.5'));
  assert.equal(page.querySelectorAll('#scores b').length, 0);
});

test('plots: the score over the input size; differences and times only where there are some', () => {
  const plots = [...document.querySelectorAll('figure svg[role="img"]')].map((plot) => plot.getAttribute('aria-label'));
  assert.deepEqual(plots, ['textvqa val']);
  assert.match(document.querySelector('figure desc')!.textContent!, /small at 448 px: 50\.0 \[49\.0, 51\.0\]/);
});

test('the same runs give the same bytes', async () => {
  assert.equal(await reportOf(questions(2), ANSWERS), html);
});

test('hostile names of models stay text', async () => {
  const hostile = await reportOf(questions(2), ANSWERS, {
    runs: twoRuns([HOSTILE, '</title><script>alert(1)</script>']),
  });
  const page = parseHTML(hostile).document;
  assert.equal(page.querySelectorAll('script').length, 2);
  assert.equal(page.querySelectorAll('img').length, 0);
  assert.ok(page.querySelector('title')!.textContent!.includes('</title><script>alert(1)</script>'));
});

test('a benchmark without answers is not offered, and a page without any says so', async () => {
  const runs = [...twoRuns(), mme(model('large'), 1500)];
  const none = { predictions: [], scores: null, references: null };
  const asked = questions(2);
  const options = { images: 0, largeBytes: 0, makeImage: async () => null };
  const some = new Map(runs.map((run, i) => [run, i < 2 ? runSamples(asked, ANSWERS[i]!) : none]));
  const page = parseHTML(await htmlReport(runs, { samplesOf: some, ...options })).document;
  const { sets }: PageData = JSON.parse(page.getElementById('data')!.textContent!);
  assert.deepEqual(
    sets.map(({ title }) => title),
    ['textvqa val'],
  );
  const empty = parseHTML(
    await htmlReport(runs, { samplesOf: new Map(runs.map((run) => [run, none])), ...options }),
  ).document;
  assert.match(empty.querySelector('#browser p')!.textContent!, /no answers/);
  assert.equal(empty.querySelectorAll('script').length, 0);
});

test('JSON in a script element cannot end it, nor begin a comment in it', () => {
  const value = ['</script><script>alert(1)</script>', '<!--<script>', '\0\u2028\ud800'];
  const json = jsonForScript(value);
  assert.ok(!json.includes('<'));
  assert.deepEqual(JSON.parse(json), value);
});

/** The data of a page whose images are made by `makeImage`. */
async function dataOf(
  asked: Questions,
  answers: readonly [Answers, Answers],
  options: Pick<HtmlReportOptions, 'images' | 'largeBytes' | 'makeImage'>,
): Promise<PageData> {
  const runs = twoRuns();
  const samplesOf = new Map(runs.map((run, i) => [run, runSamples(asked, answers[i]!)]));
  const page = await htmlReport(runs, { samplesOf, ...options });
  return JSON.parse(parseHTML(page).document.getElementById('data')!.textContent!);
}

const imagesOf = ({ sets }: PageData): Sample['image'][] => sets[0]!.samples.map(({ image }) => image);

test('images: those whose questions are disputed come first, each once', async () => {
  const wrong = { text: 'x', score: 0 };
  const right = { text: 'x', score: 1 };
  const answers = [
    [wrong, wrong, wrong, wrong, wrong, wrong],
    [wrong, wrong, wrong, right, wrong, wrong],
  ] as const;
  const made: string[] = [];
  const data = await dataOf(questions(6), answers, {
    images: 2, // there are two questions per image
    largeBytes: 1e6,
    async makeImage(_run, image) {
      made.push(image);
      return Buffer.from(image);
    },
  });
  assert.deepEqual(made, ['1.jpg', '0.jpg']);
  assert.deepEqual(
    data.images,
    made.map((image) => Buffer.from(image).toString('base64')),
  );
  assert.deepEqual(imagesOf(data), [1, 1, 0, 0, null, null]);
});

test('images are large as long as there is room; one that has changed since the run is named so', async () => {
  const answers = Array.from({ length: 40 }, () => ({ text: 'x', score: 0 }));
  const data = await dataOf(questions(40), [answers, answers], {
    images: 1000,
    largeBytes: 1050,
    makeImage: async (_run, image, edition) => {
      if (image === '1.jpg') return null;
      return image === '2.jpg' ? 'changed' : Buffer.alloc(edition === 'large' ? 100 : 1);
    },
  });
  assert.equal(data.largeImages, 10);
  assert.deepEqual(
    data.images.map((image) => Buffer.from(image, 'base64').length),
    [...Array(10).fill(100), ...Array(8).fill(1)],
  );
  assert.deepEqual(imagesOf(data).slice(0, 8), [0, 0, null, null, 'changed', 'changed', 1, 1]);
  assert.deepEqual(imagesOf(data).slice(-2), [17, 17]);
});
