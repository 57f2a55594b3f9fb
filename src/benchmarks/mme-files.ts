import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ImageSource } from '../datasets/image-source.js';
import { openImageFolder, openImageZip } from '../datasets/image-source.js';
import { countOf } from '../shared/count-of.js';
import { UserError } from '../shared/errors.js';
import { pyStrip } from '../shared/python-strings.js';
import { decodeUtf8 } from '../shared/utf8-text.js';

const RELEASE = 'MME_Benchmark_release_version';

/** The subtasks of MME's two parts, in the order of its calculation.py. */
export const MME_TASKS = {
  perception: [
    'existence',
    'count',
    'position',
    'color',
    'posters',
    'celebrity',
    'scene',
    'landmark',
    'artwork',
    'OCR',
  ],
  cognition: ['commonsense_reasoning', 'numerical_calculation', 'text_translation', 'code_reasoning'],
} as const;

const ALL_TASKS: readonly string[] = [...MME_TASKS.perception, ...MME_TASKS.cognition];

const QUESTIONS_PER_IMAGE = 2;

/** One of an image's two questions. */
export interface MmeAnnotation {
  task: string;
  /** Name of the file with both questions, without its folder, such as 0001.txt. */
  file: string;
  /** Path inside the release folder, such as artwork/images/0001.jpg. */
  image: string;
  /** Includes "Please answer yes or no." */
  question: string;
  answer: string;
}

/** The released MME: its annotations and images. */
export interface MmeRelease {
  annotations: MmeAnnotation[];
  images: ImageSource;
  /** Hash of all annotations; the same for folder and archive. */
  sha256: string;
}

/**
 * Reads MME's question files from the release folder or its zip archive: subtasks in official order, files by name.
 * @throws UserError when the release or a subtask is missing, or when a line is invalid, naming file and line
 */
export async function readMmeRelease(folder: string): Promise<MmeRelease> {
  const { path, names, images } = await openRelease(folder);
  const annotations: MmeAnnotation[] = [];
  for (const task of ALL_TASKS) {
    const imageOf = new Map(filesOf(task, IMAGE_FILE, names).map(({ path: image, file }) => [stem(file), image]));
    const questionFiles = filesOf(task, QUESTION_FILE, names);
    if (questionFiles.length === 0) throw new UserError(`${path} has no question files for ${task}. ${origin(folder)}`);
    for (const { path: name, file } of questionFiles) {
      const image = imageOf.get(stem(file)) ?? missingImage(name);
      const where = `${path}/${name}`;
      const lines = questionLines(decodeUtf8(Buffer.from(await images.read(name)), where), where);
      if (lines.length !== QUESTIONS_PER_IMAGE) throw incomplete(where, lines.length, folder);
      for (const line of lines) annotations.push({ task, file, image, ...line });
    }
  }
  const sha256 = createHash('sha256').update(JSON.stringify(annotations)).digest('hex');
  return { annotations, images, sha256 };
}

/** The images alone. @throws UserError when the release is missing */
export async function openMmeImages(folder: string): Promise<ImageSource> {
  return (await openRelease(folder)).images;
}

/** A file that was cut off would otherwise change the score without a word: pairs are formed from two lines each. */
function incomplete(where: string, questions: number, folder: string): UserError {
  const count = questions === 0 ? 'no question' : countOf(questions, 'question');
  return new UserError(
    `${where} has ${count}; MME asks ${QUESTIONS_PER_IMAGE} about every image. Is the copy incomplete? ${origin(folder)}`,
  );
}

/** `0001` for `0001.txt`: the name up to the first period, as in LLaVA's convert_answer_to_mme.py. */
export function stem(file: string): string {
  return file.split('.', 1)[0]!;
}

/** The expected name of a missing image, which is reported when the image is read. */
function missingImage(questionFile: string): string {
  return questionFile.replace('questions_answers_YN/', 'images/').replace(/\.txt$/, '.jpg');
}

async function openRelease(folder: string): Promise<{ path: string; names: string[]; images: ImageSource }> {
  const path = join(folder, RELEASE);
  if (existsSync(path)) {
    const names = await readdir(path, { recursive: true });
    return { path, names: names.map((name) => name.replaceAll(sep, '/')).sort(), images: openImageFolder(path) };
  }
  const zipPath = `${path}.zip`;
  if (!existsSync(zipPath))
    throw new UserError(`${folder} has neither ${RELEASE}/ nor ${RELEASE}.zip. ${origin(folder)}`);
  const images = await openImageZip(zipPath, `${RELEASE}/`);
  return { path: zipPath, names: await namesInZip(zipPath), images };
}

/** Paths of the archive's files, relative to the release folder. */
async function namesInZip(zipPath: string): Promise<string[]> {
  const { openPromise } = await import('yauzl');
  const zip = await openPromise(zipPath, { autoClose: false });
  try {
    const names: string[] = [];
    for await (const { fileName } of zip.eachEntry()) {
      if (fileName.startsWith(`${RELEASE}/`)) names.push(fileName.slice(RELEASE.length + 1));
    }
    return names.sort();
  } finally {
    zip.close();
  }
}

function origin(folder: string): string {
  return (
    'Download MME_Benchmark_release_version.zip from https://huggingface.co/datasets/darkyarding/MME into ' +
    `${folder}; there is no need to unpack it.`
  );
}

// Five subtasks have separate folders for questions and images; the others keep them together.
const QUESTION_FILE = /^([^/]+)\/(?:questions_answers_YN\/)?([^/.][^/]*\.txt)$/;
const IMAGE_FILE = /^([^/]+)\/(?:images\/)?([^/.][^/]*\.(?:jpe?g|png))$/i;

/** Files of a subtask that match a pattern: paths relative to the release folder, and file names. */
function filesOf(task: string, pattern: RegExp, names: readonly string[]): { path: string; file: string }[] {
  return names.flatMap((path) => {
    const [, folder, file] = pattern.exec(path) ?? [];
    return folder === task ? [{ path, file: file! }] : [];
  });
}

/** Parses lines of `question <tab> answer`. */
function questionLines(text: string, where: string): { question: string; answer: string }[] {
  return text.split(/\r\n|\r|\n/).flatMap((line, i) => {
    const stripped = pyStrip(line);
    if (stripped === '') return [];
    const [question, answer, ...more] = stripped.split('\t');
    if (more.length === 0 && /^(yes|no)$/i.test(answer ?? '')) return [{ question: question!, answer: answer! }];
    throw new UserError(`${where}, line ${i + 1}: expected a question, a tab, and Yes or No.`);
  });
}
