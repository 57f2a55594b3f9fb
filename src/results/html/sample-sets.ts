import { min } from 'simple-statistics';
import { visibleText } from '../../shared/visible-text.js';
import type { RunGroup } from '../reports/comparable-groups.js';
import type { RunResult } from '../runs/load-run.js';
import type { Prediction } from '../runs/predictions.js';
import type { QuestionScores } from '../runs/question-scores.js';
import type { References } from '../runs/references.js';
import type { Sample, SampleSet } from './page-data.js';

/** Per-question data of a run folder. */
export interface RunSamples {
  predictions: readonly Prediction[];
  /** Null if single answers are not scored. */
  scores: QuestionScores | null;
  /** Null in folders of earlier versions. */
  references: References | null;
}

/** A sample set before images are assigned. */
export interface IllustratedSet {
  set: SampleSet;
  group: RunGroup;
  /** Image name of each sample; null without an image. */
  images: (string | null)[];
}

/** Minimum score of a right answer. */
export const RIGHT_FROM = 0.5;

/** Maximum samples per set; with more, the page opens slowly. */
const MOST_SAMPLES = 10_000;

/**
 * Questions of comparable runs with all their answers. If there are too many, disputed ones are kept first and the rest is
 * sampled evenly.
 * @param systemOf index of a run's model on the page
 */
export function sampleSet(
  group: RunGroup,
  samplesOf: ReadonlyMap<RunResult, RunSamples>,
  systemOf: (run: RunResult) => number,
): IllustratedSet {
  const runs = group.runs.map((run) => samplesOf.get(run)!);
  const references = runs.find((run) => run.references !== null)?.references ?? null;
  const names = references?.images ?? runs.find(({ scores }) => scores !== null)?.scores?.imageNames ?? [];
  const categories = [...new Set(references?.categories.filter((category) => category !== null))];
  const categoryPlace = new Map(categories.map((category, place) => [category, place]));
  const answers = runs.map(({ predictions }) => new Map(predictions.map((line) => [line.index, line])));
  const rows = [...new Set(answers.flatMap((byRow) => [...byRow.keys()]))].sort((a, b) => a - b);

  const all = rows.map((row): Sample => {
    const lines = answers.map((byRow) => byRow.get(row) ?? null);
    const { question_id: id, prompt } = lines.find((line) => line !== null)!;
    const otherPrompts = lines.flatMap((line, place): [number, string][] =>
      line === null || line.prompt === prompt ? [] : [[place, line.prompt]],
    );
    const right = Object.entries(references?.answers[row] ?? {});
    return {
      row,
      id,
      prompt,
      category: categoryPlace.get(references?.categories[row] ?? '') ?? null,
      references: right.sort(([, a], [, b]) => b - a),
      answers: lines.map((line) => line && (line.text === null ? { failure: line.error.code } : line.text)),
      scores: runs.map(({ scores }) => scores?.scores[row] ?? null),
      image: null,
      ...(otherPrompts.length === 0 ? {} : { otherPrompts }),
    };
  });
  const samples = all.length > MOST_SAMPLES ? chosen(all, MOST_SAMPLES) : all;
  const instruction = commonEnding(samples.map(({ prompt }) => prompt));
  return {
    group,
    images: samples.map(({ row }) => (names[row] as string | null | undefined) ?? null),
    set: {
      title: group.title,
      instruction: visibleText(instruction),
      systems: group.runs.map(systemOf),
      categories: categories.map(visibleText),
      samples: samples.map((sample) => visibleSample(sample, instruction.length)),
      total: all.length,
    },
  };
}

/** A sample as it is shown, its prompt without the last `cut` characters. */
function visibleSample({ id, prompt, references, answers, otherPrompts, ...sample }: Sample, cut: number): Sample {
  return {
    ...sample,
    id: typeof id === 'string' ? visibleText(id) : id,
    prompt: visibleText(prompt.slice(0, prompt.length - cut)),
    references: references.map(([text, people]) => [visibleText(text), people]),
    answers: answers.map((answer) => (typeof answer === 'string' ? visibleText(answer) : answer)),
    ...(otherPrompts && { otherPrompts: otherPrompts.map(([place, text]) => [place, visibleText(text)]) }),
  };
}

/** Whether some runs are right and others wrong; if answers are not scored, whether they differ. */
export function isDisputed({ scores, answers }: Sample): boolean {
  if (scores.some((score) => score === null)) return new Set(answers.map((answer) => JSON.stringify(answer))).size > 1;
  return new Set(scores.map((score) => score! >= RIGHT_FROM)).size > 1;
}

/** Selects `count` samples, keeping their order. */
function chosen(samples: readonly Sample[], count: number): Sample[] {
  const disputed = evenly(samples.filter(isDisputed), count);
  const others = evenly(
    samples.filter((sample) => !isDisputed(sample)),
    count - disputed.length,
  );
  return [...disputed, ...others].sort((a, b) => a.row - b.row);
}

function evenly<T>(values: readonly T[], count: number): T[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, i) => values[Math.floor((i * values.length) / count)]!);
}

/** The last lines shared by all prompts, including the preceding line break; empty if there are none. */
function commonEnding(prompts: readonly string[]): string {
  if (prompts.length < 2) return '';
  let length = min(prompts.map((prompt) => prompt.length));
  const first = prompts[0]!;
  for (const prompt of prompts) {
    let same = 0;
    while (same < length && prompt.at(-1 - same) === first.at(-1 - same)) same++;
    length = same;
  }
  const start = first.indexOf('\n', first.length - length);
  return start === -1 || length === 0 ? '' : first.slice(start);
}
