import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { noImages } from '../datasets/no-images.js';
import { UserError } from '../shared/errors.js';
import { nullable, objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import { pythonJson } from '../shared/python-json.js';
import {
  type Answers,
  type BenchmarkDefinition,
  type LoadedBenchmark,
  type LoadOptions,
  OFFICIAL_OPTIONS,
  type Protocol,
  type Score,
  type SplitInfo,
} from './benchmark.js';
import {
  type GqaChoices,
  type GqaOperation,
  type GqaQuestion,
  gqaPrediction,
  gqaScores,
  lmmsExactMatch,
  partMeanStatistic,
  stepsOf,
} from './gqa-metrics.js';
import { SHORT_ANSWER } from './shared/instructions.js';
import { isAbout, readMixedIdQuestions } from './shared/llava-questions.js';
import { LMMS_EVAL_MEAN } from './shared/missing-answers.js';
import { openBenchmarkImages } from './shared/open-images.js';
import { readMembers } from './shared/read-members.js';
import { chosenSplit } from './shared/splits.js';
import { meanPercent, pick } from './shared/statistics.js';

const DOWNLOADS = 'https://downloads.cs.stanford.edu/nlp/data/gqa';
const LLAVA_QUESTIONS = 'llava_gqa_testdev_balanced.jsonl';

/** Limits of LLaVA-HR model_vqa_loader.py and lmms-eval's gqa task. */
const MAX_NEW_TOKENS: Record<Protocol, number> = { llava: 128, 'lmms-eval': 16 };

/** A split and its files: questions, and the choices for validity and plausibility under the names eval.py looks for. */
interface GqaSplit extends SplitInfo {
  file: string;
  choices: readonly string[];
}

const SPLITS: readonly GqaSplit[] = [
  {
    name: 'testdev-balanced',
    questions: 12_578,
    images: 398,
    scored: 'here',
    file: 'testdev_balanced_questions.json',
    choices: ['testdev_balanced_choices.json', 'testdev_choices.json'],
  },
  {
    name: 'testdev-all',
    questions: 172_174,
    images: 398,
    scored: 'here',
    note: 'scores cover the balanced questions; the others are only needed for consistency',
    file: 'testdev_all_questions.json',
    choices: ['testdev_choices.json'],
  },
  {
    name: 'val-balanced',
    questions: 132_062,
    images: 10_234,
    scored: 'here',
    note: 'has public choices for validity and plausibility; not comparable with testdev numbers',
    file: 'val_balanced_questions.json',
    choices: ['val_balanced_choices.json', 'val_choices.json'],
  },
];

/** The fields we use of a record in the native files. */
interface Annotation {
  question: string;
  imageId: string;
  answer: string;
  isBalanced: boolean;
  groups: { global: string | null };
  entailed: string[];
  semantic: GqaOperation[];
  types: GqaQuestion['types'];
}

const TEXTS = { type: 'array', items: TEXT };

const annotationCheck = schemaCheck<Annotation>(
  objectOf<Annotation>({
    question: TEXT,
    imageId: TEXT,
    answer: TEXT,
    isBalanced: { type: 'boolean' },
    groups: objectOf<Annotation['groups']>({ global: nullable(TEXT) }),
    entailed: TEXTS,
    semantic: { type: 'array', items: objectOf<GqaOperation>({ operation: TEXT, argument: TEXT }) },
    types: objectOf<Annotation['types']>({ structural: TEXT, semantic: TEXT, detailed: TEXT }),
  }),
);

const choicesCheck = schemaCheck<GqaChoices>(objectOf<GqaChoices>({ valid: TEXTS, plausible: TEXTS }));

/**
 * GQA. "accuracy" is that of GQA's eval.py on answers converted like LLaVA's convert_gqa_for_eval.py. The other scores are
 * eval.py's too, except the accuracy by detailed type, which it does not print.
 *
 * LLaVA's question file has the questions of testdev-balanced with the same prompts in a different order.
 */
export const gqa: BenchmarkDefinition = {
  name: 'gqa',
  title: 'GQA',
  metric: 'accuracy',
  splits: SPLITS.map(({ file, choices, ...info }) => info),
  options: OFFICIAL_OPTIONS,
  load,
  openImages,
};

async function load(folder: string, { protocol, limit, ...options }: LoadOptions): Promise<LoadedBenchmark> {
  const splitName = chosenSplit(gqa, options.split);
  const split = SPLITS.find(({ name }) => name === splitName)!;
  const questionPath = join(folder, split.file);
  const native = await readQuestions(questionPath);
  const promptPath = join(folder, LLAVA_QUESTIONS);
  const llavaQuestions = protocol === 'llava' && split.name === 'testdev-balanced' && existsSync(promptPath);
  const all = llavaQuestions ? await rowsOfLlava(promptPath, native, split.file) : [...native].map(rowOf);
  const rows = all.slice(0, limit);
  const selectedIds = new Set(rows.map(({ id }) => id));
  const selected = new Map([...native].filter(([id]) => selectedIds.has(id)));
  const choicesName = split.choices.find((name) => existsSync(join(folder, name)));
  const choicesPath = choicesName === undefined ? null : join(folder, choicesName);
  const choices = choicesPath === null ? null : await readChoices(choicesPath, selected);
  const isRight: Record<Protocol, (answer: string, gold: string) => boolean> = {
    llava: (answer, gold) => gqaPrediction(answer) === gold,
    'lmms-eval': lmmsExactMatch,
  };

  return {
    name: 'gqa',
    split: split.name,
    questions: rows.map(({ id, image, text }, index) => ({ index, questionId: id, image, text })),
    images: options.images === false ? noImages(folder) : await openImages(folder),
    maxNewTokens: MAX_NEW_TOKENS[protocol],
    files: [questionPath, ...(llavaQuestions ? [promptPath] : []), ...(choicesPath === null ? [] : [choicesPath])],
    protocol: { protocol, questionFile: llavaQuestions, limit: limit ?? null },
    gold: (index) => native.get(rows[index]!.id)!.answer,
    category: (index) => native.get(rows[index]!.id)!.types.structural,
    scoreOne(index, answer) {
      const { isBalanced, answer: gold } = native.get(rows[index]!.id)!;
      return isBalanced ? Number(isRight[protocol](answer, gold)) : null;
    },
    score(answers, part) {
      const partRows = pick(rows, part);
      const ids = new Set(partRows.map(({ id }) => id));
      const partSelected = part ? new Map([...selected].filter(([id]) => ids.has(id))) : selected;
      return score({ rows: partRows, native, selected: partSelected, choices, protocol }, pick(answers, part));
    },
    missingAnswers:
      protocol === 'lmms-eval'
        ? LMMS_EVAL_MEAN
        : { treatment: "GQA's eval.py fails unless all questions are answered." },
    submission: (answers) => [
      {
        name: split.file.replace('questions', 'predictions'),
        // eval.py aborts at a question without a prediction; an empty one counts as wrong.
        content: pythonJson(rows.map(({ id }, i) => ({ questionId: id, prediction: gqaPrediction(answers[i] ?? '') }))),
      },
    ],
  };
}

/** A question and its prompt. */
interface Row {
  id: string;
  image: string;
  text: string;
}

type NativeQuestion = GqaQuestion & { imageId: string };

/** Questions by id, in file order. */
async function readQuestions(path: string): Promise<Map<string, NativeQuestion>> {
  const origin = `It is part of GQA's questions: extract it from ${DOWNLOADS}/questions1.2.zip.`;
  const questions = new Map<string, NativeQuestion>();
  for await (const [id, record] of readMembers<Annotation>({ path, check: annotationCheck, origin })) {
    const { question, imageId, answer, isBalanced, groups, entailed, semantic, types } = record;
    const steps = stepsOf(semantic);
    questions.set(id, { question, imageId, answer, isBalanced, globalGroup: groups.global, entailed, steps, types });
  }
  return questions;
}

function rowOf([id, { imageId, question }]: [string, NativeQuestion]): Row {
  return { id, image: `${imageId}.jpg`, text: question + SHORT_ANSWER };
}

async function rowsOfLlava(path: string, native: ReadonlyMap<string, NativeQuestion>, file: string): Promise<Row[]> {
  const origin =
    `It is LLaVA's question file: extract gqa/${LLAVA_QUESTIONS} from the eval.zip linked from docs/Evaluation.md in ` +
    'github.com/haotian-liu/LLaVA, or delete the file to have the prompts built.';
  const lines = await readMixedIdQuestions(path, origin);
  return lines.map(({ question_id, image, text }, i) => {
    const id = String(question_id);
    const known = native.get(id);
    if (known === undefined) throw new UserError(`${path}, record ${i + 1}: ${file} has no question ${id}.`);
    if (isAbout({ image, text }, { image: `${known.imageId}.jpg`, question: known.question }))
      return { id, image, text };
    throw new UserError(
      `${path}, record ${i + 1}: question ${id} of ${file} is another one. Use files of one release.`,
    );
  });
}

/** Choices of the selected questions. */
async function readChoices(
  path: string,
  selected: ReadonlyMap<string, GqaQuestion>,
): Promise<ReadonlyMap<string, GqaChoices>> {
  const origin =
    'It is needed for validity and plausibility: extract it from https://nlp.stanford.edu/data/gqa/eval.zip.';
  const choices = new Map<string, GqaChoices>();
  for await (const [id, record] of readMembers<GqaChoices>({ path, check: choicesCheck, origin })) {
    if (selected.has(id)) choices.set(id, record);
  }
  for (const [id, { isBalanced }] of selected) {
    if (isBalanced && !choices.has(id)) throw new UserError(`${path} has no choices for question ${id}.`);
  }
  return choices;
}

interface ScoreInput {
  rows: readonly Row[];
  /** All questions of the split. */
  native: ReadonlyMap<string, GqaQuestion>;
  /** The questions of `rows`, in the order of the native file. */
  selected: ReadonlyMap<string, GqaQuestion>;
  choices: ReadonlyMap<string, GqaChoices> | null;
  protocol: Protocol;
}

function score({ rows, native, selected, choices, protocol }: ScoreInput, answers: Answers): Score {
  const predictions = new Map<string, string>();
  rows.forEach(({ id }, i) => {
    const answer = answers[i] ?? null;
    if (answer !== null) predictions.set(id, gqaPrediction(answer));
  });
  const result = gqaScores(selected, predictions, choices);
  const byRow = Object.entries(result.perQuestion).map(
    ([name, scores]) => [name, rows.map(({ id }) => scores.get(id) ?? null)] as const,
  );
  const questionScores = new Map(byRow);
  const scores = { ...result.scores };
  const counts = { ...result.counts };
  let headline = 'accuracy';
  if (protocol === 'lmms-eval') {
    headline = 'exact-match';
    const exactMatch = rows.map(({ id }, i) => {
      const { isBalanced, answer: gold } = selected.get(id)!;
      return isBalanced ? Number(answers[i] != null && lmmsExactMatch(answers[i], gold)) : null;
    });
    questionScores.set(headline, exactMatch);
    const counted = exactMatch.filter((value) => value !== null);
    scores[headline] = meanPercent(counted);
    counts[headline] = counted.length;
  }
  const balancedRows = rows.flatMap(({ id }, i) => (selected.get(id)!.isBalanced ? [i] : []));
  return {
    headline,
    scores,
    counts,
    points: 'distribution' in scores ? ['distribution'] : [],
    n: balancedRows.length,
    failed: balancedRows.filter((i) => answers[i] == null).length,
    unparsable: 0,
    perQuestion: questionScores.get(headline)!,
    // None for the distribution: its chi-square over groups and answers is not a function of a few sums.
    statistics: Object.fromEntries([...questionScores].map(([name, values]) => [name, partMeanStatistic(values)])),
    notes: notes({ native, selected, choices }, result.entailed),
  };
}

function notes(
  { native, selected, choices }: Pick<ScoreInput, 'native' | 'selected' | 'choices'>,
  entailed: { selected: number; all: number },
): string[] {
  const balanced = (questions: ReadonlyMap<string, GqaQuestion>) =>
    [...questions.values()].filter(({ isBalanced }) => isBalanced).length;
  const [part, whole] = [balanced(selected), balanced(native)];
  const lines: string[] = [];
  if (part < whole)
    lines.push(`Only ${part} of ${whole} balanced questions are scored; GQA's eval.py requires all of them.`);
  if (entailed.selected < entailed.all) {
    lines.push(
      `Only ${entailed.selected} of ${entailed.all} entailed questions are scored; GQA's eval.py requires all of them for ` +
        'consistency.',
    );
  }
  if (!choices) {
    lines.push(
      "Without a choices file, validity and plausibility are not computed; GQA's eval.py prints 0.00% for both.",
    );
  }
  return lines;
}

function openImages(folder: string): Promise<ImageSource> {
  const origin = `Download ${DOWNLOADS}/images.zip (21.8 GB) into it; there is no need to unpack it.`;
  return openBenchmarkImages(folder, { names: ['images'], origin });
}
