import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { noImages } from '../datasets/no-images.js';
import { ImageError, UserError } from '../shared/errors.js';
import { COUNT, ID, mapOf, objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import { pythonJson } from '../shared/python-json.js';
import {
  type Answers,
  type BenchmarkDefinition,
  type LoadedBenchmark,
  type LoadOptions,
  OFFICIAL_OPTIONS,
  type SubmissionFile,
} from './benchmark.js';
import { predictedLetters, type SeedItem, scoreSeed, seedLetter } from './seed-score.js';
import { LETTER_ANSWER } from './shared/instructions.js';
import { isAbout, readMixedIdQuestions } from './shared/llava-questions.js';
import { LMMS_EVAL_MEAN } from './shared/missing-answers.js';
import { openBenchmarkImages, openFolderOrZip } from './shared/open-images.js';
import { readDocument, readRecords } from './shared/read-records.js';
import { chosenSplit } from './shared/splits.js';
import { mainScores, pick } from './shared/statistics.js';

const ANNOTATIONS = 'SEED-Bench.json';
const LLAVA_QUESTIONS = 'llava-seed-bench.jsonl';
const IMAGES = 'SEED-Bench-image';
const FRAMES = 'SEED-Bench-video-image';
const RELEASE = 'https://huggingface.co/datasets/AILab-CVC/SEED-Bench';

/** Limit of LLaVA-HR model_vqa_loader.py. lmms-eval's task sets none, but only scores the first character. */
const MAX_NEW_TOKENS = 128;

/** The fields we use of a record in SEED-Bench.json. */
interface Annotation {
  answer: string;
  choice_a: string | number;
  choice_b: string | number;
  choice_c: string | number;
  choice_d: string | number;
  data_id: string;
  data_type: 'image' | 'video';
  question: string;
  question_id: string | number;
  question_type_id: number;
}

const CHOICE = { type: ['string', 'number'] };

const annotationCheck = schemaCheck<Annotation>(
  objectOf<Annotation>({
    answer: { enum: ['A', 'B', 'C', 'D'] },
    choice_a: CHOICE,
    choice_b: CHOICE,
    choice_c: CHOICE,
    choice_d: CHOICE,
    data_id: TEXT,
    data_type: { enum: ['image', 'video'] },
    question: TEXT,
    question_id: ID,
    question_type_id: COUNT,
  }),
);

/** The part of SEED-Bench.json other than its questions. */
interface Dimensions {
  /** Ids of the evaluation dimensions by name. */
  question_type: Record<string, number>;
}

const dimensionsCheck = schemaCheck<Dimensions>(objectOf<Dimensions>({ question_type: mapOf(COUNT) }));

/** A question and its correct answer. */
interface Row extends SeedItem {
  image: string;
  /** Without options and instruction. */
  question: string;
  text: string;
  questionId: string | number;
  /** Position in SEED-Bench.json. */
  position: number;
}

/**
 * SEED-Bench, first version. Published numbers cover all questions, including those about videos, which LLaVA asks about a
 * single frame. SEED-Bench does not release these frames; without them, only the questions about images are asked and the
 * score is called `seed_image`.
 *
 * Differs from lmms-eval, which uses several frames per video and keeps the images' aspect ratio.
 */
export const seedBench: BenchmarkDefinition = {
  name: 'seed',
  title: 'SEED-Bench',
  metric: 'accuracy',
  splits: [
    {
      name: 'all',
      questions: 19242,
      images: null,
      scored: 'here',
      note: `the papers' split; the default if ${FRAMES}/ has the video frames, which it needs`,
    },
    { name: 'image', questions: 14233, images: null, scored: 'here', note: "not comparable with the papers' numbers" },
  ],
  options: OFFICIAL_OPTIONS,
  load,
  openImages: async (folder) => combinedSource(folder, await openImages(folder)),
};

async function load(folder: string, options: LoadOptions): Promise<LoadedBenchmark> {
  const { protocol, limit } = options;
  const path = join(folder, ANNOTATIONS);
  const origin = `Download ${RELEASE}/resolve/main/${ANNOTATIONS} into ${folder}.`;
  const annotations = await readRecords<Annotation>({ path, check: annotationCheck, origin }, 'questions');
  const { question_type: dimensions } = await readDocument<Dimensions>({ path, check: dimensionsCheck, origin });
  const images = options.images === false ? null : await openImages(folder);
  const hasFrames = images === null || images.frames !== null;
  const split = chosenSplit(seedBench, options.split ?? (hasFrames ? 'all' : 'image'));
  if (split === 'all' && !hasFrames && annotations.some(({ data_type }) => data_type === 'video'))
    throw missingFrames(folder);

  const promptPath = join(folder, LLAVA_QUESTIONS);
  const usesPromptFile = protocol === 'llava' && existsSync(promptPath);
  const dimensionNames = new Map(Object.entries(dimensions).map(([name, id]) => [id, name]));
  const native = annotations.map((annotation, position) => rowOf(annotation, position, dimensionNames));
  const all = usesPromptFile ? await rowsOfPromptFile(promptPath, native) : native;
  const rows = all.filter(({ dataType }) => split === 'all' || dataType === 'image').slice(0, limit);
  return {
    name: 'seed',
    split,
    questions: rows.map(({ questionId, image, text }, index) => ({ index, questionId, image, text })),
    images: images === null ? noImages(folder) : combinedSource(folder, images),
    maxNewTokens: MAX_NEW_TOKENS,
    files: usesPromptFile ? [path, promptPath] : [path],
    protocol: { protocol, questionFile: usesPromptFile, limit: limit ?? null },
    gold: (index) => rows[index]!.gold,
    category: (index) => rows[index]!.dimension,
    scoreOne: (index, answer) => (seedLetter(answer, protocol) === rows[index]!.gold ? 1 : 0),
    score: (answers, part) => scoreSeed(pick(rows, part), pick(answers, part), protocol),
    missingAnswers:
      protocol === 'lmms-eval'
        ? LMMS_EVAL_MEAN
        : {
            treatment: 'convert_seed_for_submission.py counts missing answers as wrong.',
            scores: (answers) => mainScores(scoreSeed(rows, answers, protocol)),
          },
    submission: (answers) => [uploadFile(rows, answers)],
  };
}

function rowOf(annotation: Annotation, position: number, dimensionNames: ReadonlyMap<number, string>): Row {
  const { question, question_type_id: type, data_type: dataType, data_id: dataId } = annotation;
  const id = String(annotation.question_id);
  const { choice_a: a, choice_b: b, choice_c: c, choice_d: d } = annotation;
  return {
    id,
    questionId: /^\d+$/.test(id) ? Number(id) : id,
    position,
    dataType,
    dimension: dimensionNames.get(type) ?? `type ${type}`,
    gold: annotation.answer,
    question,
    image: dataType === 'image' ? `${IMAGES}/${dataId}` : `${FRAMES}/${type}_${id}.png`,
    text: `${question}\nA. ${a}\nB. ${b}\nC. ${c}\nD. ${d}${LETTER_ANSWER}`,
  };
}

/**
 * Rows with the prompts, images and order of LLaVA's question file. Of several questions with one id, each line takes the one
 * that it is about; where that does not tell them apart, they are in the same order in both files.
 */
async function rowsOfPromptFile(path: string, native: readonly Row[]): Promise<Row[]> {
  const origin = "It is LLaVA's question file, part of the eval.zip linked from LLaVA's docs/Evaluation.md.";
  const lines = await readMixedIdQuestions(path, origin);
  const unused = new Map<string, Row[]>();
  for (const row of native) unused.set(row.id, [...(unused.get(row.id) ?? []), row]);
  return lines.map(({ question_id: questionId, image, text }, i) => {
    const rows = unused.get(String(questionId)) ?? [];
    const place = rows.findIndex((row) => isAbout({ image, text }, { image: row.image, question: row.question }));
    const [row] = place < 0 ? [] : rows.splice(place, 1);
    if (row) return { ...row, questionId, image, text };
    const problem =
      rows.length > 0
        ? `question ${questionId} of ${ANNOTATIONS} is another one. Use files of one release`
        : `${ANNOTATIONS} has no such (or no further) question ${questionId}`;
    throw new UserError(`${path}, record ${i + 1}: ${problem}.`);
  });
}

interface Images {
  stills: ImageSource;
  /** null when the folder has no video frames. */
  frames: ImageSource | null;
}

async function openImages(folder: string): Promise<Images> {
  const origin = `Download ${RELEASE}/resolve/main/${IMAGES}.zip (1.7 GB) into it; there is no need to unpack it.`;
  const stills = await openBenchmarkImages(folder, { names: [IMAGES], parquet: false, origin });
  return { stills, frames: await openFolderOrZip(folder, FRAMES) };
}

/** Reads images by their names in LLaVA's question file, which start with the folder. */
function combinedSource(folder: string, { stills, frames }: Images): ImageSource {
  const sources = new Map([
    [IMAGES, stills],
    [FRAMES, frames],
  ]);
  const placeOf = (image: string) => {
    const [place] = image.split('/', 1) as [string];
    return { source: sources.get(place), name: image.slice(place.length + 1) };
  };
  return {
    async read(image) {
      const { source, name } = placeOf(image);
      if (source) return source.read(name);
      throw new ImageError('missing', `${folder} has no ${JSON.stringify(image)}`);
    },
    async stamp(image) {
      const { source, name } = placeOf(image);
      return source ? source.stamp(name) : null;
    },
    async close() {
      await stills.close();
      await frames?.close();
    },
  };
}

function missingFrames(folder: string): UserError {
  return new UserError(
    `${folder} has no ${FRAMES}/ with a frame of each video. Extract the frames with extract_video_frames.py from LLaVA's ` +
      'eval.zip, or evaluate only the questions about images with --split image.',
  );
}

/** The file of LLaVA's convert_seed_for_submission.py: in the order of SEED-Bench.json, without unanswered questions. */
function uploadFile(rows: readonly Row[], answers: Answers): SubmissionFile {
  const predictions = predictedLetters(rows, answers);
  const lines = rows
    .map(({ id, position }, index) => ({ id, position, prediction: predictions[index] ?? null }))
    .filter(({ prediction }) => prediction !== null)
    .sort((a, b) => a.position - b.position)
    .map(({ id, prediction }) => `${pythonJson({ question_id: id, prediction })}\n`);
  return { name: 'seed-upload.jsonl', content: lines.join('') };
}
