import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../shared/errors.js';
import { objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import { pyStrip } from '../shared/python-strings.js';
import {
  type Answers,
  type BenchmarkDefinition,
  type LoadedBenchmark,
  type LoadOptions,
  type MissingAnswers,
  OFFICIAL_OPTIONS,
  type Protocol,
  type SubmissionFile,
} from './benchmark.js';
import { type MmeAnnotation, openMmeImages, readMmeRelease, stem } from './mme-files.js';
import { type MmeItem, mmeVerdict, scoreMme } from './mme-score.js';
import { readRecordLines } from './shared/read-records.js';
import { chosenSplit } from './shared/splits.js';

const LLAVA_QUESTIONS = 'llava_mme.jsonl';
const YES_OR_NO = 'Please answer yes or no.';
const SHORT = 'Answer the question using a single word or phrase.';

/** LLaVA-HR model_vqa_loader.py; lmms-eval mme.yaml. */
const MAX_NEW_TOKENS: Record<Protocol, number> = { llava: 128, 'lmms-eval': 16 };

/** A line of LLaVA's question file; the id is the image's path, which two lines share. */
interface PromptLine {
  question_id: string;
  image: string;
  text: string;
}

const promptLineCheck = schemaCheck<PromptLine>(objectOf<PromptLine>({ question_id: TEXT, image: TEXT, text: TEXT }));

/** A question with its official annotation. */
interface Row extends MmeItem {
  questionId: string;
  text: string;
  annotation: MmeAnnotation;
}

/**
 * MME: two yes-or-no questions per image in 14 subtasks. The headline is the sum of the ten perception subtasks, as in
 * the papers.
 *
 * lmms-eval's question order is unknown; the lmms-eval protocol uses the order of the release.
 */
export const mme: BenchmarkDefinition = {
  name: 'mme',
  title: 'MME',
  metric: 'perception points (of 2000)',
  splits: [{ name: 'test', questions: 2374, images: 1187, scored: 'here' }],
  options: OFFICIAL_OPTIONS,
  load,
  openImages: openMmeImages,
};

const MISSING_ANSWERS: Record<Protocol, MissingAnswers> = {
  llava: {
    treatment:
      'convert_answer_to_mme.py fails on a missing answer; calculation.py takes every two lines of a file as a pair.',
  },
  'lmms-eval': { treatment: "lmms-eval's mme_aggregate_results stops at an image with one answer." },
};

async function load(folder: string, { protocol, limit, split }: LoadOptions): Promise<LoadedBenchmark> {
  const { annotations, images, sha256 } = await readMmeRelease(folder);
  const promptPath = join(folder, LLAVA_QUESTIONS);
  const usesPromptFile = protocol === 'llava' && existsSync(promptPath);
  const all = usesPromptFile
    ? await rowsOfPromptFile(promptPath, annotations)
    : annotations.map((annotation) => rowOf(annotation, protocol));
  const rows = all.slice(0, limit);
  return {
    name: 'mme',
    split: chosenSplit(mme, split),
    questions: rows.map(({ questionId, image, text }, index) => ({ index, questionId, image, text })),
    images,
    maxNewTokens: MAX_NEW_TOKENS[protocol],
    files: usesPromptFile ? [promptPath] : [],
    // One hash for the 1,187 annotation files, whose names are not unique.
    protocol: { protocol, questionFile: usesPromptFile, annotationsSha256: sha256, limit: limit ?? null },
    gold: (index) => rows[index]!.annotation.answer,
    category: (index) => rows[index]!.task,
    isScoredInGroups: true,
    scoreOne: (index, answer) => (mmeVerdict(answer, protocol) === rows[index]!.gold ? 1 : 0),
    score: (answers, part) => scoreMme(rows, answers, protocol, part),
    missingAnswers: MISSING_ANSWERS[protocol],
    submission: (answers) => resultFiles(rows, answers),
  };
}

function rowOf(annotation: MmeAnnotation, protocol: Protocol): Row {
  const { image, question } = annotation;
  // lmms-eval removes the sentence with one space before it; seven official questions have two spaces and keep one.
  const prompt =
    protocol === 'llava' ? pyStrip(question.replaceAll(YES_OR_NO, '')) : question.replaceAll(` ${YES_OR_NO}`, '');
  return itemOf(annotation, image, image, `${prompt}\n${SHORT}`);
}

function itemOf(annotation: MmeAnnotation, questionId: string, image: string, text: string): Row {
  const gold = annotation.answer.toLowerCase() === 'yes' ? 'yes' : 'no';
  return { task: annotation.task, image, gold, questionId, text, annotation };
}

/** Joins LLaVA's question file to the annotations by image and question, as convert_answer_to_mme.py does. */
async function rowsOfPromptFile(path: string, annotations: readonly MmeAnnotation[]): Promise<Row[]> {
  const origin = "It is LLaVA's question file, part of the eval.zip linked from LLaVA's docs/Evaluation.md.";
  const lines = await readRecordLines<PromptLine>({ path, check: promptLineCheck, origin });
  const byKey = new Map(
    annotations.map((annotation) => [keyOf(annotation.task, annotation.file, annotation.question), annotation]),
  );
  return lines.map(({ question_id: questionId, image, text }, i) => {
    const parts = questionId.split('/');
    const task = parts[0]!;
    const file = `${stem(parts.at(-1)!)}.txt`;
    const found = officialWordings(text)
      .map((question) => byKey.get(keyOf(task, file, question)))
      .find((annotation) => annotation !== undefined);
    if (found) return itemOf(found, questionId, image, text);
    throw new UserError(`${path}, record ${i + 1}: ${file} of ${task} has no question ${JSON.stringify(text)}.`);
  });
}

/** Possible official wordings of a prompt's question; seven have two spaces before the last sentence. */
function officialWordings(prompt: string): string[] {
  const question = prompt.includes(SHORT) ? pyStrip(prompt.replaceAll(SHORT, '')) : prompt;
  return question.includes(YES_OR_NO) ? [question] : [`${question} ${YES_OR_NO}`, `${question}  ${YES_OR_NO}`];
}

function keyOf(task: string, file: string, question: string): string {
  return JSON.stringify([task, file, question]);
}

/**
 * The files that calculation.py reads: one per subtask, with tab-separated lines of file, question, correct answer and
 * answer. Tabs and line breaks in answers become spaces. A missing answer becomes an empty one, which counts as wrong.
 */
function resultFiles(rows: readonly Row[], answers: Answers): SubmissionFile[] {
  const tasks = [...new Set(rows.map(({ task }) => task))];
  return tasks.map((task) => {
    const lines = rows.flatMap(({ annotation: { file, question, answer: gold }, ...row }, index) => {
      if (row.task !== task) return [];
      const answer = (answers[index] ?? '').replace(/[\t\r\n]/g, ' ');
      return [`${[file, question, gold, answer].join('\t')}\n`];
    });
    return { name: `mme-results/${task}.txt`, content: lines.join('') };
  });
}
