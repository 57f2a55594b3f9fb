import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/* Generated files in VQAv2's formats and sizes; deterministic. */

export const TEST_DEV_QUESTIONS = 107_394;
export const VAL_QUESTIONS = 214_354;
export const VAL_IMAGES = 40_504;
const TEST_DEV_IMAGES = 20_000; // about as many questions per image as in val

/** A model's answers to val, in the result format of VQA's scripts. */
export const ANSWER_FILE = 'answers.json';
export interface Result {
  question_id: number;
  answer: string;
}

export async function writeTestDev(folder: string): Promise<void> {
  const path = join(folder, 'v2_OpenEnded_mscoco_test-dev2015_questions.json');
  await writeFile(
    path,
    documentOf('questions', TEST_DEV_QUESTIONS, (i) => questionRecord(i, TEST_DEV_IMAGES)),
  );
}

export async function writeVal(folder: string): Promise<void> {
  const write = (name: string, content: string | Iterable<string>) => writeFile(join(folder, name), content);
  const draw = drawer();
  const results: Result[] = [];
  const annotation = (i: number): object => {
    const { image_id, question_id } = questionRecord(i, VAL_IMAGES);
    const { type, vocabulary } = draw.oneOf(KINDS);
    const usual = draw.messy(vocabulary);
    const agreement = draw.oneOf([4, 7, 9, 10]); // of ten people
    const answers = Array.from({ length: 10 }, (_, k) => ({
      answer: k < agreement ? usual : draw.messy(vocabulary),
      answer_confidence: draw.oneOf(['yes', 'maybe', 'no']),
      answer_id: k + 1,
    }));
    results.push({ question_id, answer: draw.oneOf([usual, draw.messy(vocabulary)]) });
    return {
      question_type: BEGINNINGS[i % BEGINNINGS.length],
      multiple_choice_answer: usual,
      answers,
      image_id,
      answer_type: type,
      question_id,
    };
  };
  const questions = documentOf('questions', VAL_QUESTIONS, (i) => questionRecord(i, VAL_IMAGES));
  await write('v2_OpenEnded_mscoco_val2014_questions.json', questions);
  await write('v2_mscoco_val2014_annotations.json', documentOf('annotations', VAL_QUESTIONS, annotation));
  await write(ANSWER_FILE, JSON.stringify(results));
}

/** The text of a document with a list, in pieces, since the annotations have 200 MB. */
function* documentOf(key: string, count: number, record: (i: number) => object): Generator<string> {
  yield `{"info": {"version": "2.0"}, "task_type": "Open-Ended", "data_type": "mscoco", "${key}": [`;
  for (let i = 0; i < count; ) {
    const piece: string[] = [];
    for (; i < count && piece.length < 500; i++) piece.push(JSON.stringify(record(i)));
    yield piece.join(', ') + (i < count ? ', ' : '');
  }
  yield '], "license": {"name": "CC0"}}';
}

/** Questions about one image are not adjacent, to make grouping realistic. */
function questionRecord(i: number, images: number) {
  const image_id = 1 + 7 * (i % images);
  return {
    image_id,
    question: `${BEGINNINGS[i % BEGINNINGS.length]} thing number ${i} in the picture?`,
    question_id: image_id * 1000 + Math.floor(i / images),
  };
}

const BEGINNINGS = ['is there a', 'what color is the', 'how many', 'what is the', 'are the', 'where is the', 'why'];

const COLOURS = ['red', 'Dark blue', 'black and white', 'grey', 'gray/green', "doesn't know", 'light-brown'];
const THINGS = ['the cat', 'tennis racket', 'a "stop" sign', 'café', "man's hat", 'St. Mary', 'dont know', 'U.S.A.'];
const COMPOUNDS = COLOURS.flatMap((colour) => THINGS.map((thing) => `${colour} ${thing}`));
const KINDS = [
  { type: 'yes/no', vocabulary: ['yes', 'no', 'no', 'yes', 'Yes', 'not sure'] },
  { type: 'number', vocabulary: ['0', '1', 'two', '3', 'none', '1,000', '10:30', '$4.50', '100%', 'ten'] },
  { type: 'other', vocabulary: [...COLOURS, ...THINGS, ...COMPOUNDS] },
  { type: 'other', vocabulary: [...COLOURS, ...THINGS] },
];

/** Text that people and models put around answers; usually nothing. */
const AROUND = [
  ['', '.'],
  [' ', '\n'],
  ['the ', ''],
  ['', '!'],
  ['A ', ', yes?'],
  ['(', ')'],
] as const;

function drawer() {
  const random = xoroshiro128plus(1);
  const oneOf = <T>(list: readonly T[]): T => list[uniformInt(random, 0, list.length - 1)]!;
  const messy = (vocabulary: readonly string[]): string => {
    const answer = oneOf(vocabulary);
    const dice = uniformInt(random, 0, 99);
    if (dice < 4) return `${answer} ${uniformInt(random, 0, 99_999)}`; // unique answers
    if (dice > 20) return answer;
    const [before, behind] = oneOf(AROUND);
    return before + answer + behind;
  };
  return { oneOf, messy };
}
