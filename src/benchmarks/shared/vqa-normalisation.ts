import { pySplit } from '../../shared/python-strings.js';

/*
 * Two normalisation steps shared by the official VQA scorers and the evaluation server's answer processor. Both reproduce
 * what the scripts do, not what they intend. Sources: GT-Vision-Lab/VQA vqaEval.py, LLaVA-HR vqa_eval.py and
 * m4c_evaluator.py, which have the same tables.
 */

const MARKS = [
  ';',
  '/',
  '[',
  ']',
  '"',
  '{',
  '}',
  '(',
  ')',
  '=',
  '+',
  '\\',
  '_',
  '-',
  '>',
  '<',
  '@',
  '`',
  ',',
  '?',
  '!',
];
const ANY_MARK = /[;/[\]"{}()=+\\_\->@<`,?!]/;
/** What deletes all marks: VQAEval wants one comma between digits, the EvalAI processor takes several. */
const COMMA_IN_NUMBER = { 'vqa-eval': /\p{Nd},\p{Nd}/u, evalai: /\p{Nd},+\p{Nd}/u } as const;
export type CommaRule = keyof typeof COMMA_IN_NUMBER;

/**
 * Removes or replaces punctuation. A mark next to a space anywhere in the text is removed everywhere, otherwise it becomes
 * a space; if the text has a comma between digits, every mark is removed. ":", "'", "$", "%" and "&" are kept, as are
 * periods before a digit and periods after the first 32.
 */
export function processPunctuation(text: string, commas: CommaRule = 'vqa-eval'): string {
  return withoutPeriods(withoutMarks(text, commas));
}

function withoutMarks(text: string, commas: CommaRule): string {
  if (!ANY_MARK.test(text)) return text;
  const deletesAll = COMMA_IN_NUMBER[commas].test(text);
  let result = text;
  for (const mark of MARKS) {
    if (!text.includes(mark)) continue;
    const removes = deletesAll || text.includes(`${mark} `) || text.includes(` ${mark}`);
    result = result.replaceAll(mark, removes ? '' : ' ');
  }
  return result;
}

/** The scripts pass the flag re.UNICODE (32) in the position of re.sub's maximum number of replacements. */
const MAX_PERIODS = 32;

function withoutPeriods(text: string): string {
  if (!text.includes('.')) return text;
  let count = 0;
  return text.replace(/\.(?!\p{Nd})/gu, (period) => (count++ < MAX_PERIODS ? '' : period));
}

/** Lower-cases, replaces small numbers by digits, drops articles, restores apostrophes, collapses spaces. */
export function processDigitArticle(text: string): string {
  const words: string[] = [];
  for (const word of pySplit(text.toLowerCase())) {
    const number = NUMBERS.get(word) ?? word;
    if (!ARTICLES.has(number)) words.push(CONTRACTIONS.get(number) ?? number);
  }
  return words.join(' ');
}

const ARTICLES = new Set(['a', 'an', 'the']);

const NUMBERS = pairs(`
  none 0  zero 0  one 1  two 2  three 3  four 4  five 5  six 6  seven 7  eight 8  nine 9  ten 10
`);

// Without entries that map to themselves or that lower-case text cannot match: let's, she's, Id've, Im, ...
const CONTRACTIONS = pairs(`
  aint ain't  arent aren't  cant can't  couldve could've  couldnt couldn't  couldn'tve couldn't've
  couldnt've couldn't've  didnt didn't  doesnt doesn't  dont don't  hadnt hadn't  hadnt've hadn't've
  hadn'tve hadn't've  hasnt hasn't  havent haven't  hed he'd  hed've he'd've  he'dve he'd've  hes he's
  howd how'd  howll how'll  hows how's  isnt isn't  itd it'd  itd've it'd've  it'dve it'd've  itll it'll
  maam ma'am  mightnt mightn't  mightnt've mightn't've  mightn'tve mightn't've  mightve might've
  mustnt mustn't  mustve must've  neednt needn't  notve not've  oclock o'clock  oughtnt oughtn't
  ow's'at 'ow's'at  'ows'at 'ow's'at  'ow'sat 'ow's'at  shant shan't  shed've she'd've  she'dve she'd've
  shouldve should've  shouldnt shouldn't  shouldnt've shouldn't've  shouldn'tve shouldn't've
  somebody'd somebodyd  somebodyd've somebody'd've  somebody'dve somebody'd've  somebodyll somebody'll
  somebodys somebody's  someoned someone'd  someoned've someone'd've  someone'dve someone'd've
  someonell someone'll  someones someone's  somethingd something'd  somethingd've something'd've
  something'dve something'd've  somethingll something'll  thats that's  thered there'd  thered've there'd've
  there'dve there'd've  therere there're  theres there's  theyd they'd  theyd've they'd've
  they'dve they'd've  theyll they'll  theyre they're  theyve they've  twas 'twas  wasnt wasn't
  wed've we'd've  we'dve we'd've  weve we've  werent weren't  whatll what'll  whatre what're  whats what's
  whatve what've  whens when's  whered where'd  wheres where's  whereve where've  whod who'd
  whod've who'd've  who'dve who'd've  wholl who'll  whos who's  whove who've  whyll why'll  whyre why're
  whys why's  wont won't  wouldve would've  wouldnt wouldn't  wouldnt've wouldn't've  wouldn'tve wouldn't've
  yall y'all  yall'll y'all'll  y'allll y'all'll  yall'd've y'all'd've  y'alld've y'all'd've
  y'all'dve y'all'd've  youd you'd  youd've you'd've  you'dve you'd've  youll you'll  youre you're
  youve you've
`);

/** Builds a map from whitespace-separated words: key, value, key, value ... */
function pairs(text: string): ReadonlyMap<string, string> {
  const words = pySplit(text);
  return new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1]!] as const] : [])));
}
