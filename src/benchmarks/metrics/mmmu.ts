import { pyFloat, pyRound2 } from '../../shared/python-numbers.js';
import { pySplit, pyStrip } from '../../shared/python-strings.js';
import { OPTION_LETTERS } from './option-letter.js';

/*
 * MMMU's reading of answers. Source: MMMU eval/eval_utils.py; LLaVA-HR mmmu_utils/eval_utils.py has the same. One thing is not
 * reproduced: where an answer names no option, the scripts choose one at random (LLaVA-HR without a seed).
 */

/**
 * The letter that an answer to a multiple-choice question names: in brackets, else as a word, else by the text of an option in
 * an answer of more than five words. Of several, the one named last.
 * @param options texts of A, B, C ...
 * @returns null where the scripts choose at random
 */
export function mmmuLetter(answer: string, options: readonly string[]): string | null {
  let response = answer;
  for (const mark of [',', '.', '!', '?', ';', ':', "'"]) response = pyStrip(response, mark);
  response = ` ${response} `;
  const letters = [...OPTION_LETTERS.slice(0, options.length)];
  const lower = response.toLowerCase();
  const byText = (letter: string): number => lower.lastIndexOf(options[OPTION_LETTERS.indexOf(letter)]!.toLowerCase());
  const ways: ((letter: string) => number)[] = [
    (letter) => response.lastIndexOf(`(${letter})`),
    (letter) => response.lastIndexOf(` ${letter} `),
    ...(pySplit(response).length > 5 ? [byText] : []),
  ];
  for (const placeOf of ways) {
    const named = letters.map((letter) => ({ letter, place: placeOf(letter) })).filter(({ place }) => place >= 0);
    if (named.length > 0) return named.reduce((last, one) => (one.place > last.place ? one : last)).letter;
  }
  return null;
}

/** A part of an answer or a right answer: a number rounded to two decimals, or lower-case text. */
type Value = string | number;

/** Whether an answer to an open question contains a right one, as a number or as text. */
export function isOpenMatch(answer: string, targets: readonly string[]): boolean {
  const right = targets.flatMap(normalise);
  return parseOpenAnswer(answer).some((part) =>
    typeof part === 'number'
      ? right.some((one) => one === part)
      : right.some((one) => typeof one === 'string' && part.includes(one)),
  );
}

const INDICATORS = ['could be ', 'so ', 'is ', 'thus ', 'therefore ', 'final ', 'answer ', 'result '];
const TRIVIAL = new Set([':', ',', '.', '!', '?', ';', "'"]);

function parseOpenAnswer(answer: string): Value[] {
  const whole = pyStrip(pyStrip(answer), '.').toLowerCase();
  // The script means to split at sentences too, but looks for capitals in lower-case text.
  const lines = whole.split('\n');
  const keys = lines.flatMap((line, i) => {
    const indicators = i === lines.length - 1 ? [...INDICATORS, '='] : INDICATORS;
    let shortest = '';
    for (const indicator of indicators) {
      if (!line.includes(indicator)) continue;
      const behind = pyStrip(line.slice(line.lastIndexOf(indicator) + indicator.length));
      if (shortest === '' || behind.length < shortest.length) shortest = behind;
    }
    return shortest === '' || TRIVIAL.has(shortest) ? [] : [shortest];
  });
  const responses = keys.length > 0 ? keys : [whole];
  return [...responses, ...responses.flatMap(numbersIn)].flatMap(normalise);
}

/** Numbers with commas, in scientific notation, and plain ones. */
const NUMBERS = [
  /-?(?<![\p{L}\p{N}_])\p{Nd}{1,3}(?:,\p{Nd}{3})+(?![\p{L}\p{N}_])/gu,
  /-?\p{Nd}+(?:\.\p{Nd}+)?[eE][+-]?\p{Nd}+/gu,
  /-?(?:\p{Nd}+\.\p{Nd}+|\.\p{Nd}+|\p{Nd}+(?![\p{L}\p{N}_]))(?![eE][+-]?\p{Nd}+)(?![,\p{Nd}])/gu,
];

function numbersIn(text: string): string[] {
  return NUMBERS.flatMap((pattern) => text.match(pattern) ?? []);
}

function normalise(text: string): Value[] {
  const stripped = pyStrip(text);
  const number = pyFloat(stripped.replaceAll(',', ''));
  if (number !== null) return [pyRound2(number)];
  const lower = stripped.toLowerCase();
  return [...lower].length === 1 ? [` ${lower}`, `${lower} `] : [lower];
}
