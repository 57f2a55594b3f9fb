import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { noImages } from '../datasets/no-images.js';
import { ImageError, UserError } from '../shared/errors.js';
import { COUNT, mapOf, objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import {
  type Answers,
  type BenchmarkDefinition,
  type LoadedBenchmark,
  type LoadOptions,
  OFFICIAL_OPTIONS,
  type SubmissionFile,
} from './benchmark.js';
import { predictedLetters, type SeedItem, scoreSeed, seedLetter } from './seed-score.js';
import { openFolderOrZip } from './shared/folder-or-zip.js';
import { readMixedIdQuestions } from './shared/llava-questions.js';
import { readDocument, readRecords } from './shared/read-records.js';
import { chosenSplit } from './shared/splits.js';

const ANNOTATIONS = 'SEED-Bench.json';
const LLAVA_QUESTIONS = 'llava-seed-bench.jsonl';
const PICTURES = 'SEED-Bench-image';
const FRAMES = 'SEED-Bench-video-image';
const RELEASE = 'https://huggingface.co/datasets/AILab-CVC/SEED-Bench';
const INSTRUCTION = "\nAnswer with the option's letter from the given choices directly.";

/** Limit of LLaVA-HR model_vqa_loader.py. lmms-eval sets none of its own, but scores the first character only. */
const MAX_NEW_TOKENS = 128;

/** What is used of a record of SEED-Bench.json. */
interface Annotation {
  answer: string;
  choice_a: string | number;
  choice_b: string | number;
  choice_c: string | number;
  choice_d: string | number;
  data_id: string;
  data_type: 'image' | 'video';
  question: string;
  question_id: string;
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
    question_id: TEXT,
    question_type_id: COUNT,
  }),
);

/** What SEED-Bench.json has beside its questions. */
interface Dimensions {
  /** Ids of the evaluation dimensions by their names. */
  question_type: Record<string, number>;
}

const dimensionsCheck = schemaCheck<Dimensions>(objectOf<Dimensions>({ question_type: mapOf(COUNT) }));

/** A question and its right answer. */
interface Row extends SeedItem {
  image: string;
  text: string;
  questionId: string | number;
  /** Place in SEED-Bench.json. */
  place: number;
}

/**
 * SEED-Bench, first version. The papers' number is over all questions, those about videos included, which LLaVA asks
 * about one frame. SEED-Bench does not release these frames: without them only the questions about images are asked, and
 * the score has the name `seed_image`.
 *
 * Not followed of lmms-eval: several frames per video and pictures in their own aspect ratio.
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
      note: `the papers' split; needs frames of the videos in ${FRAMES}/ and is the default where they are`,
    },
    { name: 'image', questions: 14233, images: null, scored: 'here', note: 'not comparable with the papers' },
  ],
  options: OFFICIAL_OPTIONS,
  load,
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
    throw noFrames(folder);

  const promptPath = join(folder, LLAVA_QUESTIONS);
  const usesPromptFile = protocol === 'llava' && existsSync(promptPath);
  const dimensionNames = new Map(Object.entries(dimensions).map(([name, id]) => [id, name]));
  const native = annotations.map((annotation, place) => rowOf(annotation, place, dimensionNames));
  const all = usesPromptFile ? await rowsOfPromptFile(promptPath, native) : native;
  const rows = all.filter(({ dataType }) => split === 'all' || dataType === 'image').slice(0, limit);
  return {
    name: 'seed',
    split,
    questions: rows.map(({ questionId, image, text }, index) => ({ index, questionId, image, text })),
    images: images === null ? noImages(folder) : bothPlaces(folder, images),
    maxNewTokens: MAX_NEW_TOKENS,
    files: usesPromptFile ? [path, promptPath] : [path],
    protocol: { protocol, questionFile: usesPromptFile, limit: limit ?? null },
    gold: (index) => rows[index]!.gold,
    category: (index) => rows[index]!.dimension,
    scoreOne: (index, answer) => (seedLetter(answer, protocol) === rows[index]!.gold ? 1 : 0),
    score: (answers) => scoreSeed(rows, answers, protocol),
    submission: (answers) => [uploadFile(rows, answers)],
  };
}

function rowOf(annotation: Annotation, place: number, dimensionNames: ReadonlyMap<number, string>): Row {
  const { question_id: id, question, question_type_id: type, data_type: dataType, data_id: dataId } = annotation;
  const { choice_a: a, choice_b: b, choice_c: c, choice_d: d } = annotation;
  return {
    id,
    questionId: /^\d+$/.test(id) ? Number(id) : id,
    place,
    dataType,
    dimension: dimensionNames.get(type) ?? `type ${type}`,
    gold: annotation.answer,
    image: dataType === 'image' ? `${PICTURES}/${dataId}` : `${FRAMES}/${type}_${id}.png`,
    text: `${question}\nA. ${a}\nB. ${b}\nC. ${c}\nD. ${d}${INSTRUCTION}`,
  };
}

/** Prompts, images and order of LLaVA's question file. Where an id is used twice, both files have it in the same order. */
async function rowsOfPromptFile(path: string, native: readonly Row[]): Promise<Row[]> {
  const origin = "It is LLaVA's question file, out of the eval.zip that its docs/Evaluation.md links to.";
  const lines = await readMixedIdQuestions(path, origin);
  const unused = new Map<string, Row[]>();
  for (const row of native) unused.set(row.id, [...(unused.get(row.id) ?? []), row]);
  return lines.map(({ question_id: questionId, image, text }, i) => {
    const row = unused.get(String(questionId))?.shift();
    if (row) return { ...row, questionId, image, text };
    throw new UserError(`${path}, record ${i + 1}: ${ANNOTATIONS} has no (further) question ${questionId}.`);
  });
}

interface Images {
  pictures: ImageSource;
  /** null where the user has none. */
  frames: ImageSource | null;
}

async function openImages(folder: string): Promise<Images> {
  const pictures = await openFolderOrZip(folder, PICTURES);
  if (pictures) return { pictures, frames: await openFolderOrZip(folder, FRAMES) };
  throw new UserError(
    `${folder} holds neither ${PICTURES}/ nor ${PICTURES}.zip. Download ${RELEASE}/resolve/main/${PICTURES}.zip ` +
      '(1.7 GB) into it; it need not be unpacked.',
  );
}

/** Images by their names in LLaVA's question file, which begin with the folder. */
function bothPlaces(folder: string, { pictures, frames }: Images): ImageSource {
  const sources = new Map([
    [PICTURES, pictures],
    [FRAMES, frames],
  ]);
  return {
    async read(image) {
      const [place] = image.split('/', 1) as [string];
      const source = sources.get(place);
      if (source) return source.read(image.slice(place.length + 1));
      throw new ImageError('missing', `${folder} has no ${JSON.stringify(image)}`);
    },
    async close() {
      await pictures.close();
      await frames?.close();
    },
  };
}

function noFrames(folder: string): UserError {
  return new UserError(
    `${folder} holds no ${FRAMES}/ with a frame of each video. Cut them from the videos with extract_video_frames.py of ` +
      "LLaVA's eval.zip, or ask the questions about images alone with --split image.",
  );
}

/** The upload of LLaVA's convert_seed_for_submission.py: in the order of SEED-Bench.json, without unanswered questions. */
function uploadFile(rows: readonly Row[], answers: Answers): SubmissionFile {
  const predictions = predictedLetters(rows, answers);
  const lines = rows
    .map(({ id, place }, index) => ({ id, place, prediction: predictions[index] ?? null }))
    .filter(({ prediction }) => prediction !== null)
    .sort((a, b) => a.place - b.place)
    .map(({ id, prediction }) => `{"question_id": ${pyJson(id)}, "prediction": ${pyJson(prediction!)}}\n`);
  return { name: 'seed-upload.jsonl', content: lines.join('') };
}

/** A text as Python's json.dumps writes it: in ASCII. */
function pyJson(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
