import assert from 'node:assert/strict';
import test from 'node:test';
import { BENCHMARKS } from '../../src/benchmarks/registry.js';
import { restrictToRows } from '../../src/benchmarks/shared/restrict-to-rows.js';
import { referencesOf } from '../../src/evaluation/references.js';
import { sampleData } from '../../src/evaluation/sample.js';

const OPTIONS = { protocol: 'llava', images: false } as const;

/** A category of every benchmark that has some, and how many people answered its questions. */
const EXPECTED: Record<string, { category: string | null; people: number }> = {
  vqav2: { category: 'number', people: 10 },
  gqa: { category: 'query', people: 1 },
  okvqa: { category: 'nine', people: 10 },
  ocrvqa: { category: null, people: 1 },
  scienceqa: { category: 'natural science', people: 1 },
  vizwiz: { category: 'other', people: 10 },
  textvqa: { category: null, people: 10 },
  pope: { category: 'adversarial', people: 1 },
  mme: { category: 'color', people: 1 },
  seed: { category: 'Visual Reasoning', people: 1 },
  mmvet: { category: 'ocr, spat', people: 1 },
};

for (const definition of BENCHMARKS) {
  test(`${definition.name}: image, category and right answers of every question`, async () => {
    const benchmark = await definition.load(sampleData(definition.name), OPTIONS);
    const { images, categories, answers } = referencesOf(benchmark);
    const { category, people } = EXPECTED[definition.name]!;
    assert.deepEqual(
      images,
      benchmark.questions.map(({ image }) => image),
    );
    assert.ok(categories.includes(category), [...new Set(categories)].join('; '));
    assert.equal(answers.length, images.length);
    answers.forEach((counts, index) => {
      assert.equal(
        Object.values(counts).reduce((sum, count) => sum + count, 0),
        people,
      );
      assert.ok(Object.hasOwn(counts, benchmark.gold(index)!));
    });
  });
}

test('selected rows keep their references, and hidden answers have none', async () => {
  const [textVqa, pope] = ['textvqa', 'pope'].map((name) => BENCHMARKS.find((one) => one.name === name)!);
  for (const definition of [textVqa!, pope!]) {
    const benchmark = await definition.load(sampleData(definition.name), OPTIONS);
    const all = referencesOf(benchmark);
    const { categories, answers } = referencesOf(restrictToRows(benchmark, [7, 3]));
    assert.deepEqual(categories, [all.categories[7], all.categories[3]]);
    assert.deepEqual(answers, [all.answers[7], all.answers[3]]);
    const secret = { ...benchmark, humanAnswers: undefined, gold: () => null };
    assert.deepEqual(referencesOf(secret).answers[0], {});
  }
});
