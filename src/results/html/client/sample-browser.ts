import type { Failure, PageData, Sample } from '../page-data.js';

/*
 * The sample browser of a report page: filters, pages, keyboard. It runs as an inline script, so it only imports types. All
 * text is inserted as text, never as markup.
 */

const PAGE_SIZE = 25;
const LONG_TEXT = 400; // characters; longer text scrolls in its own box

const data = JSON.parse(document.getElementById('data')!.textContent!) as PageData;
const form = document.getElementById('filters') as HTMLFormElement;
const search = form.elements.namedItem('search') as HTMLInputElement;
const setSelect = form.elements.namedItem('set') as HTMLSelectElement;
const categorySelect = form.elements.namedItem('category') as HTMLSelectElement;
const whoSelect = form.elements.namedItem('who') as HTMLSelectElement;
const systems = document.getElementById('systems')!;
const list = document.getElementById('samples')!;
const count = document.getElementById('count')!;
const instruction = document.getElementById('instruction')!;
const pageLabel = document.getElementById('page')!;
const [previousButton, nextButton] = ['previous', 'next'].map((id) => document.getElementById(id) as HTMLButtonElement);

let set = data.sets[0]!;
/** Searchable text of each sample, built when the set is selected. */
let searchTexts: string[] = [];
let found: Sample[] = [];
let page = 0;
/** Index on the page of the sample selected by the arrow keys. */
let current = 0;

type Verdict = 'right' | 'wrong' | 'failed' | 'unscored';

function verdictOf({ answers, scores }: Sample, place: number): Verdict {
  const answer = answers[place];
  const score = scores[place] ?? null;
  if (answer === null || typeof answer !== 'string') return 'failed';
  if (score === null) return 'unscored';
  return score >= data.rightFrom ? 'right' : 'wrong';
}

/** Predicates of the "answers" filter on the models' verdicts. A failed question counts as wrong. */
const WHO: Record<string, (verdicts: Verdict[]) => boolean> = {
  any: () => true,
  all: (verdicts) => verdicts.every((verdict) => verdict === 'right'),
  none: (verdicts) => verdicts.every((verdict) => verdict === 'wrong' || verdict === 'failed'),
  some: (verdicts) => verdicts.includes('right') && (verdicts.includes('wrong') || verdicts.includes('failed')),
  failed: (verdicts) => verdicts.includes('failed'),
};

function chooseSet(): void {
  set = data.sets[Number(setSelect.value)]!;
  searchTexts = set.samples.map(searchText);
  const categories = set.categories.map((name, i) => ({ name, value: String(i) })).sort(byName);
  categorySelect.replaceChildren(option('', 'all'));
  for (const { name, value } of categories) categorySelect.append(option(value, name));
  categorySelect.parentElement!.hidden = set.categories.length === 0;
  const isScored = set.samples.some(({ scores }) => scores.some((score) => score !== null));
  whoSelect.parentElement!.hidden = !isScored;
  systems.replaceChildren();
  for (const system of set.systems) systems.append(systemElement(system, isScored));
  list.classList.toggle('without-images', !hasImages());
  instruction.hidden = set.instruction === '';
  instruction.replaceChildren('Every prompt ends with ', textElement('q', set.instruction.trim(), 'prompt'));
  filter();
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function searchText({ id, prompt, references, answers }: Sample): string {
  const texts = [String(id), prompt, ...references.map(([text]) => text), ...answers.map(answerText)];
  return texts.join('\n').toLowerCase();
}

function answerText(answer: string | Failure | null): string {
  if (answer === null) return 'not asked';
  return typeof answer === 'string' ? answer : `failed: ${answer.failure}`;
}

/** A model's key and name, with a filter on its verdict if answers are scored. */
function systemElement(system: number, isScored: boolean): HTMLElement {
  const { key, name } = data.systems[system]!;
  const label = document.createElement('label');
  label.append(textElement('span', key, 'key'), textElement('span', name, 'name'));
  const select = document.createElement('select');
  select.append(option('', 'any'), option('right', 'right'), option('wrong', 'wrong'));
  select.hidden = !isScored;
  label.append(select);
  return label;
}

function filter(): void {
  const wanted = search.value.trim().toLowerCase();
  const category = categorySelect.value === '' ? null : Number(categorySelect.value);
  const isWanted = WHO[whoSelect.value]!;
  const verdicts = [...systems.querySelectorAll('select')].map(({ value }) => value);
  found = set.samples.filter((sample, i) => {
    if (category !== null && sample.category !== category) return false;
    if (wanted !== '' && !searchTexts[i]!.includes(wanted)) return false;
    const own = set.systems.map((_system, place) => verdictOf(sample, place));
    return isWanted(own) && verdicts.every((value, place) => value === '' || own[place] === value);
  });
  show(0);
}

/** Shows a page of the matching samples and selects one of them. */
function show(wantedPage: number, place = 0): void {
  const last = Math.max(0, Math.ceil(found.length / PAGE_SIZE) - 1);
  page = Math.min(Math.max(0, wantedPage), last);
  const start = page * PAGE_SIZE;
  const shown = found.slice(start, start + PAGE_SIZE);
  list.replaceChildren();
  for (const sample of shown) list.append(sampleElement(sample));
  setCurrent(Math.min(place, shown.length - 1));
  const part = set.samples.length < set.total ? ` (a subset of ${number(set.total)} questions)` : '';
  count.textContent = `${number(found.length)} of ${number(set.samples.length)} samples${part}`;
  pageLabel.textContent = found.length === 0 ? '' : `${number(start + 1)}–${number(start + shown.length)}`;
  previousButton!.disabled = page === 0;
  nextButton!.disabled = page === last;
}

function number(value: number): string {
  return value.toLocaleString('en');
}

function sampleElement(sample: Sample): HTMLElement {
  const item = document.createElement('li');
  item.className = 'sample';
  item.tabIndex = -1;
  const about = document.createElement('div');
  about.className = 'about';
  const head = document.createElement('p');
  head.className = 'head';
  head.append(textElement('span', `#${sample.row}`, 'row'));
  if (sample.id !== sample.row) head.append(textElement('span', String(sample.id), 'id'));
  if (sample.category !== null) head.append(textElement('span', set.categories[sample.category]!, 'category'));
  about.append(head, textElement('p', sample.prompt, 'prompt'), referencesElement(sample.references));
  if (hasImages()) item.append(thumbnailElement(sample));
  item.append(about, answersElement(sample));
  return item;
}

/** Whether any sample of the set has an image to show. */
function hasImages(): boolean {
  return set.samples.some(({ thumbnail }) => thumbnail !== null);
}

function thumbnailElement({ thumbnail }: Sample): HTMLElement {
  const frame = document.createElement('div');
  frame.className = 'thumbnail';
  if (thumbnail !== null) {
    const image = document.createElement('img');
    image.src = `data:image/webp;base64,${data.thumbnails[thumbnail]}`;
    image.alt = 'image of the question';
    frame.append(image);
  }
  return frame;
}

function referencesElement(references: Sample['references']): HTMLElement {
  const line = document.createElement('p');
  line.className = 'references';
  if (references.length > 0) line.append(textElement('span', 'reference: ', 'label'));
  references.forEach(([text, people], i) => {
    if (i > 0) line.append(', ');
    line.append(textElement('b', text));
    if (people > 1) line.append(` ×${people}`);
  });
  return line;
}

function answersElement(sample: Sample): HTMLElement {
  const answers = document.createElement('ul');
  answers.className = 'answers';
  set.systems.forEach((system, place) => {
    const { key, name } = data.systems[system]!;
    const verdict = verdictOf(sample, place);
    const line = document.createElement('li');
    line.className = verdict;
    const letter = textElement('span', key, 'key');
    letter.title = name;
    const mark = textElement('span', MARKS[verdict], 'mark');
    mark.setAttribute('role', 'img');
    mark.setAttribute('aria-label', verdict);
    const score = sample.scores[place] ?? null;
    const isPart = score !== null && score > 0 && score < 1;
    line.append(letter, mark, textElement('span', answerText(sample.answers[place] ?? null), 'answer'));
    line.append(textElement('span', isPart ? score.toFixed(2) : '', 'score'));
    answers.append(line);
  });
  return answers;
}

const MARKS: Record<Verdict, string> = { right: '✓', wrong: '✗', failed: '–', unscored: '·' };

/** An element with untrusted text, isolated so that it cannot affect the page or the text around it. */
function textElement(tag: string, text: string, className = ''): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = text.length > LONG_TEXT ? `${className} long` : className;
  element.dir = 'auto';
  return element;
}

function option(value: string, text: string): HTMLOptionElement {
  return new Option(text, value);
}

/** Moves the keyboard selection; only the selected sample is reachable with Tab. */
function setCurrent(place: number): void {
  (list.children[current] as HTMLElement | undefined)?.setAttribute('tabindex', '-1');
  current = Math.max(0, place);
  (list.children[current] as HTMLElement | undefined)?.setAttribute('tabindex', '0');
}

function focusCurrent(): void {
  const item = list.children[current] as HTMLElement | undefined;
  item?.focus({ preventScroll: true });
  item?.scrollIntoView({ block: 'nearest' });
}

/** Selects the sample `steps` after the current one, across pages; the first step only enters the list. */
function move(steps: number): void {
  if (!list.contains(document.activeElement)) {
    focusCurrent();
    return;
  }
  const place = current + steps;
  if (place < 0 && page > 0) show(page - 1, PAGE_SIZE - 1);
  else if (place >= list.children.length && !nextButton!.disabled) show(page + 1);
  else setCurrent(Math.min(Math.max(0, place), list.children.length - 1));
  focusCurrent();
}

function turn(pages: number): void {
  const hadFocus = list.contains(document.activeElement);
  show(page + pages);
  if (hadFocus) focusCurrent();
  else list.scrollIntoView({ block: 'start' });
}

/** Shortcuts that work outside of input fields. */
const KEYS: Record<string, () => void> = {
  j: () => move(1),
  k: () => move(-1),
  n: () => turn(1),
  p: () => turn(-1),
  '/': () => search.focus(),
};
/** Keys that would otherwise scroll the page. */
const LIST_KEYS: Record<string, () => void> = { ArrowDown: () => move(1), ArrowUp: () => move(-1) };

document.addEventListener('keydown', (event) => {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches('input, select')) {
    if (event.key === 'Escape' || (event.key === 'Enter' && target === search)) {
      event.preventDefault();
      focusCurrent();
    }
    return;
  }
  const action = KEYS[event.key] ?? (list.contains(target) ? LIST_KEYS[event.key] : undefined);
  if (!action) return;
  event.preventDefault();
  action();
});
list.addEventListener('focusin', (event) => {
  const item = (event.target as HTMLElement).closest('.sample');
  if (item) setCurrent([...list.children].indexOf(item));
});
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('input', (event) => (event.target === setSelect ? chooseSet() : filter()));
previousButton!.addEventListener('click', () => turn(-1));
nextButton!.addEventListener('click', () => turn(1));

for (const [i, { title }] of data.sets.entries()) setSelect.append(option(String(i), title));
setSelect.parentElement!.hidden = data.sets.length === 1;
chooseSet();
