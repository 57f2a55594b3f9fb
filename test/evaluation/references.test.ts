import assert from 'node:assert/strict';
import test from 'node:test';
import { BENCHMARKS } from '../../src/benchmarks/registry.js';
import { restrictToRows } from '../../src/benchmarks/shared/restrict-to-rows.js';
import { referencesOf } from '../../src/evaluation/references.js';
import { sampleData } from '../../src/evaluation/sample.js';

const OPTIONS = { protocol: 'llava', images: false } as const;

/** A category of every benchmark that has some, and how many answers its questions have at most. */
const EXPECTED: Record<string, { category: string | null; people: number; fewer?: true }> = {
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
  chartqa: { category: 'augmented_test', people: 1 },
  docvqa: { category: null, people: 2, fewer: true },
  infovqa: { category: null, people: 1 },
  ocrbench: { category: 'Artistic Text Recognition', people: 1 },
  realworldqa: { category: null, people: 1 },
  ai2d: { category: null, people: 1 },
  'hrbench-4k': { category: 'cross', people: 1 },
  'hrbench-8k': { category: 'single', people: 1 },
  vstar: { category: 'relative_position', people: 1 },
  mmbench: { category: 'ocr', people: 1 },
  'mmbench-cn': { category: 'attribute_recognition', people: 1 },
  mmmu: { category: 'Geometry', people: 2, fewer: true },
};

for (const definition of BENCHMARKS) {
  test(`${definition.name}: image, category and right answers of every question`, async () => {
    const benchmark = await definition.load(sampleData(definition.name), OPTIONS);
    const { images, categories, answers } = referencesOf(benchmark);
    const { category, people, fewer } = EXPECTED[definition.name]!;
    assert.deepEqual(
      images,
      benchmark.questions.map(({ image }) => image),
    );
    assert.ok(categories.includes(category), [...new Set(categories)].join('; '));
    assert.equal(answers.length, images.length);
    answers.forEach((counts, index) => {
      const given = Object.values(counts).reduce((sum, count) => sum + count, 0);
      assert.ok(given === people || (fewer && given > 0 && given < people), `${given} answers`);
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
