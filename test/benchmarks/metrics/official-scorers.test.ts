import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { anls } from '../../../src/benchmarks/metrics/anls.js';
import { METRICS } from '../../../src/benchmarks/metrics/metrics.js';
import { isOpenMatch, mmmuLetter } from '../../../src/benchmarks/metrics/mmmu.js';
import { inferredLetter } from '../../../src/benchmarks/metrics/option-letter.js';
import { isRelaxedMatch } from '../../../src/benchmarks/metrics/relaxed-accuracy.js';
import { squadF1 } from '../../../src/benchmarks/metrics/squad-f1.js';
import { containsAnswer, containsFormula } from '../../../src/benchmarks/metrics/substring.js';
import { TASKS_FOLDER } from '../../../src/benchmarks/tasks/embedded-tasks.js';
import { answerExtractor } from '../../../src/benchmarks/tasks/extract.js';
import { readTaskFile } from '../../../src/benchmarks/tasks/read-task-file.js';
import { projectRoot } from '../../fixtures.js';

/*
 * Every metric against outputs that the official functions gave for messy answers; test/fixtures/metrics names their sources.
 */

/** Compares a function with recorded cases, whose last element is the output. */
function equalsRecorded<Case extends readonly unknown[]>(file: string, compute: (...input: Case) => unknown): void {
  test(`${file.replace('.json', '')} equals the official scorer's recorded outputs`, () => {
    const path = join(projectRoot, 'test', 'fixtures', 'metrics', file);
    const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] };
    assert.ok(cases.length > 10);
    const wrong = cases.filter((one) => compute(...one) !== one.at(-1));
    assert.deepEqual(
      wrong.slice(0, 5).map((one) => ({ case: one, got: compute(...one) })),
      [],
      `${wrong.length} of ${cases.length} differ`,
    );
  });
}

equalsRecorded<[string, string, boolean]>('relaxed-accuracy.json', (answer, target) =>
  isRelaxedMatch(answer, target, 0.05),
);
equalsRecorded<[string, string[], number]>('anls.json', (answer, targets) => anls(answer, targets, 0.5));
equalsRecorded<[string, string[], boolean, boolean]>('ocrbench.json', (answer, targets, isFormula) =>
  (isFormula ? containsFormula : containsAnswer)(answer, targets),
);
equalsRecorded<[string, string[], number]>('squad-f1.json', squadF1);
equalsRecorded<[string, string[], string | null]>('mmmu-choice.json', mmmuLetter);
equalsRecorded<[string, string[], boolean]>('mmmu-open.json', isOpenMatch);
equalsRecorded<[string, string[], string | null]>('vlmevalkit-choice.json', inferredLetter);
equalsRecorded<[string, string, boolean]>('ai2d.json', (answer, target) => scoreOf('exact-words', answer, target));
equalsRecorded<[string, string, boolean]>('realworldqa.json', (answer, target, isRight) =>
  // The script takes periods off the answer only; no target of RealWorldQA ends in one.
  target.trim().endsWith('.') ? isRight : scoreOf('exact', answer, target),
);
const vstar = readTaskFile(join(TASKS_FOLDER, 'vstar.json')).extract!;
const vstarPart = answerExtractor(vstar);
equalsRecorded<[string, string | null]>('vstar-letter.json', (answer) => vstarPart(answer)?.toUpperCase() ?? null);

function scoreOf(metric: 'exact' | 'exact-words', answer: string, target: string): boolean {
  const grade = METRICS[metric]({ answers: [target], options: [] }, {});
  return typeof grade === 'function' && grade(answer) === 1;
}

test('a similarity of exactly one half counts, and the tolerance and threshold can be set', () => {
  assert.equal(anls('ab', ['abcd'], 0.5), 0.5);
  assert.equal(anls('ab', ['abcd'], 0.51), 0);
  assert.equal(isRelaxedMatch('110', '100', 0.1), true);
  assert.equal(isRelaxedMatch('110', '100', 0.05), false);
});
