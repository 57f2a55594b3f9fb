import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { noImages } from '../datasets/no-images.js';
import { UserError } from '../shared/errors.js';
import { COUNT, objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import { type BenchmarkDefinition, type LoadedBenchmark, type LoadOptions, OFFICIAL_OPTIONS } from './benchmark.js';
import {
  POPE_CATEGORIES,
  type PopeCategory,
  type PopeItem,
  type PopeLabel,
  popeVerdict,
  scorePope,
} from './pope-score.js';
import { openCocoImages } from './shared/coco-images.js';
import { SHORT_ANSWER } from './shared/instructions.js';
import { LMMS_EVAL_MEAN } from './shared/missing-answers.js';
import { readRecordLines } from './shared/read-records.js';
import { chosenSplit } from './shared/splits.js';
import { pick } from './shared/statistics.js';

const LLAVA_QUESTIONS = 'llava_pope_test.jsonl';
/** In LLaVA's question file, ids of the n-th category start at n times this value; in POPE's own files, all start at 1. */
const CATEGORY_ID_STEP = 10_000_000;
/** The revision LLaVA uses: its random file has 2,910 lines, that of later revisions 3,000. */
const REVISION = 'e3e39262c85a6a83f26cf5094022a782cb0df58d';

/** Limit of LLaVA-HR model_vqa_loader.py; lmms-eval's pope.yaml has the same. */
const MAX_NEW_TOKENS = 128;

/** The fields we use of a line in coco_pope_*.json. */
interface Annotation {
  question_id: number;
  image: string;
  text: string;
  label: PopeLabel;
}

const annotationCheck = schemaCheck<Annotation>(
  objectOf<Annotation>({ question_id: COUNT, image: TEXT, text: TEXT, label: { enum: ['yes', 'no'] } }),
);

/** A line of LLaVA's question file. */
interface PromptLine {
  question_id: number;
  image: string;
  text: string;
  category: PopeCategory;
}

const promptLineCheck = schemaCheck<PromptLine>(
  objectOf<PromptLine>({ question_id: COUNT, image: TEXT, text: TEXT, category: { enum: [...POPE_CATEGORIES] } }),
);

/** A question and its correct answer. */
interface Row extends PopeItem {
  questionId: number;
  image: string;
  text: string;
}

type Annotations = Record<PopeCategory, Annotation[]>;

/**
 * POPE on MSCOCO: is this object in the image? The headline is the mean of the three categories' F1, as LLaVA and
 * LLaVA-HR report it.
 *
 * lmms-eval asks the later edition of 9,000 questions and pools them. Its order of rows is not known; theirs is that of
 * the category files here.
 */
export const pope: BenchmarkDefinition = {
  name: 'pope',
  title: 'POPE',
  metric: 'F1 (mean of random, popular, adversarial)',
  splits: [{ name: 'test', questions: 8910, images: 500, scored: 'here' }],
  options: OFFICIAL_OPTIONS,
  load,
  openImages: (folder) => openCocoImages(folder, 'val2014'),
};

async function load(folder: string, { protocol, limit, split, images }: LoadOptions): Promise<LoadedBenchmark> {
  const annotationPaths = POPE_CATEGORIES.map((category) => annotationPath(folder, category));
  const annotations: Annotations = {
    adversarial: await readAnnotations(annotationPaths[0]!),
    random: await readAnnotations(annotationPaths[1]!),
    popular: await readAnnotations(annotationPaths[2]!),
  };
  const promptPath = join(folder, LLAVA_QUESTIONS);
  const usesPromptFile = protocol === 'llava' && existsSync(promptPath);
  const all = usesPromptFile ? await rowsOfPromptFile(promptPath, annotations) : rowsOf(annotations);
  const rows = all.slice(0, limit);
  const labelLines = {
    adversarial: annotations.adversarial.map(({ label }) => label),
    random: annotations.random.map(({ label }) => label),
    popular: annotations.popular.map(({ label }) => label),
  };
  return {
    name: 'pope',
    split: chosenSplit(pope, split),
    questions: rows.map(({ questionId, image, text }, index) => ({ index, questionId, image, text })),
    images: images === false ? noImages(folder) : await openCocoImages(folder, 'val2014'),
    maxNewTokens: MAX_NEW_TOKENS,
    files: usesPromptFile ? [...annotationPaths, promptPath] : annotationPaths,
    protocol: { protocol, questionFile: usesPromptFile, limit: limit ?? null },
    gold: (index) => rows[index]!.label,
    category: (index) => rows[index]!.category,
    sourceId: (index) => rows[index]!.questionId % CATEGORY_ID_STEP,
    scoreOne: (index, answer) => (popeVerdict(answer, protocol) === rows[index]!.label ? 1 : 0),
    score: (answers, part) => scorePope(pick(rows, part), pick(answers, part), protocol, labelLines),
    missingAnswers:
      protocol === 'lmms-eval'
        ? LMMS_EVAL_MEAN
        : {
            treatment:
              'eval_pope.py stops with an error if a category has no answers, and pairs answers with labels line by line: after a ' +
              'missing answer, the rest of the category is compared with wrong labels.',
          },
    submission: () => [],
  };
}

/** The label files may be in coco/, as in LLaVA's evaluation folder. */
function annotationPath(folder: string, category: PopeCategory): string {
  const name = `coco_pope_${category}.json`;
  const nested = join(folder, 'coco', name);
  return existsSync(nested) ? nested : join(folder, name);
}

async function readAnnotations(path: string): Promise<Annotation[]> {
  const origin =
    "It is one of POPE's three files on COCO: download them from " +
    `https://github.com/AoiDragon/POPE/tree/${REVISION}/output/coco.`;
  return readRecordLines<Annotation>({ path, check: annotationCheck, origin });
}

/** Joins LLaVA's question file to the labels by category and question id. */
async function rowsOfPromptFile(path: string, annotations: Annotations): Promise<Row[]> {
  const origin = "It is LLaVA's question file, part of the eval.zip linked from LLaVA's docs/Evaluation.md.";
  const lines = await readRecordLines<PromptLine>({ path, check: promptLineCheck, origin });
  const byKey = new Map(
    POPE_CATEGORIES.flatMap((category, i) =>
      annotations[category].map((annotation) => [
        `${category} ${i * CATEGORY_ID_STEP + annotation.question_id}`,
        annotation,
      ]),
    ),
  );
  return lines.map(({ question_id: questionId, image, text, category }, i) => {
    const annotation = byKey.get(`${category} ${questionId}`);
    if (annotation && annotation.image === image && sameQuestion(text, annotation.text)) {
      return { questionId, image, text, category, label: annotation.label };
    }
    throw new UserError(
      `${path}, record ${i + 1}: coco_pope_${category}.json has no matching question ${questionId % CATEGORY_ID_STEP} ` +
        `about ${image}. Both files must be of the same version: download POPE's files of revision ${REVISION}.`,
    );
  });
}

/** Later versions of POPE corrected "imange" in 246 questions; LLaVA's file still has it. */
function sameQuestion(prompt: string, question: string): boolean {
  return prompt.split('\n', 1)[0]!.replace('imange', 'image') === question.replace('imange', 'image');
}

function rowsOf(annotations: Annotations): Row[] {
  return POPE_CATEGORIES.flatMap((category, i) =>
    annotations[category].map(({ question_id: id, image, text, label }) => ({
      questionId: i * CATEGORY_ID_STEP + id,
      image,
      text: text + SHORT_ANSWER,
      category,
      label,
    })),
  );
}
