import type { Sample, SampleSet } from '../page-data.js';
import { putStateInAddress, stateInAddress } from './filters-in-address.js';
import { openQuestion, toggleFullSize } from './question-view.js';
import {
  answerElement,
  answerText,
  data,
  headElement,
  imageElement,
  referencesElement,
  textElement,
  type Verdict,
  verdictOf,
} from './sample-elements.js';

/* The sample browser of a report page: filters, pages, keyboard. */

const PAGE_SIZE = 25;

const form = document.getElementById('filters') as HTMLFormElement;
const search = form.elements.namedItem('search') as HTMLInputElement;
const setSelect = form.elements.namedItem('set') as HTMLSelectElement;
const categorySelect = form.elements.namedItem('category') as HTMLSelectElement;
const whoSelect = form.elements.namedItem('who') as HTMLSelectElement;
const systems = document.getElementById('systems')!;
const list = document.getElementById('samples')!;
const empty = document.getElementById('empty')!;
const count = document.getElementById('count')!;
const instruction = document.getElementById('instruction')!;
const pageLabel = document.getElementById('page')!;
const question = document.getElementById('question') as HTMLDialogElement;
const [previousButton, nextButton] = ['previous', 'next'].map((id) => document.getElementById(id) as HTMLButtonElement);

let set: SampleSet = data.sets[0]!;
/** Searchable text of each sample, built when the set is selected. */
let searchTexts: string[] = [];
let found: Sample[] = [];
let page = 0;
/** Index on the page of the sample selected by the arrow keys. */
let current = 0;

/** Predicates of the "answers" filter on the models' verdicts. A failed question counts as wrong. */
const WHO: Record<string, (verdicts: Verdict[]) => boolean> = {
  any: () => true,
  all: (verdicts) => verdicts.every((verdict) => verdict === 'right'),
  none: (verdicts) => verdicts.every((verdict) => verdict === 'wrong' || verdict === 'failed'),
  some: (verdicts) => verdicts.includes('right') && (verdicts.includes('wrong') || verdicts.includes('failed')),
  failed: (verdicts) => verdicts.includes('failed'),
};

/** Takes the chosen set, whose categories and models the filters offer, all at their defaults. */
function chooseSet(): void {
  set = data.sets[Number(setSelect.value)]!;
  searchTexts = set.samples.map(searchText);
  const categories = set.categories.map((name, i) => ({ name, value: String(i) })).sort(byName);
  categorySelect.replaceChildren(new Option('all', ''));
  for (const { name, value } of categories) categorySelect.append(new Option(name, value));
  categorySelect.parentElement!.hidden = set.categories.length === 0;
  const isScored = set.samples.some(({ scores }) => scores.some((score) => score !== null));
  whoSelect.parentElement!.hidden = !isScored;
  systems.replaceChildren();
  for (const system of set.systems) systems.append(systemElement(system, isScored));
  list.classList.toggle('without-images', !hasImages());
  instruction.hidden = set.instruction === '';
  instruction.replaceChildren('Every prompt ends with ', textElement('q', set.instruction.trim(), 'prompt'));
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function searchText({ id, prompt, references, answers }: Sample): string {
  const texts = [String(id), prompt, ...references.map(([text]) => text), ...answers.map(answerText)];
  return texts.join('\n').toLowerCase();
}

/** A model's key and name, with a filter on its verdict if answers are scored. */
function systemElement(system: number, isScored: boolean): HTMLElement {
  const { key, name } = data.systems[system]!;
  const label = document.createElement('label');
  label.append(textElement('span', key, 'key'), textElement('span', name, 'name'));
  const select = document.createElement('select');
  select.name = `model ${key}`;
  select.append(new Option('any', ''), new Option('right', 'right'), new Option('wrong', 'wrong'));
  select.hidden = !isScored;
  label.append(select);
  return label;
}

/** All filters that choose from a list, but the one of the set. */
function filterSelects(): HTMLSelectElement[] {
  return [categorySelect, whoSelect, ...systems.querySelectorAll('select')];
}

/** Finds the samples that match the filters. */
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
}

function clearFilters(): void {
  search.value = '';
  for (const select of filterSelects()) select.selectedIndex = 0;
}

/** Shows a page of the matching samples and selects one of them. */
function show(wantedPage: number, place = 0): void {
  const last = Math.max(0, Math.ceil(found.length / PAGE_SIZE) - 1);
  page = Math.min(Math.max(0, wantedPage), last);
  const start = page * PAGE_SIZE;
  const shown = found.slice(start, start + PAGE_SIZE);
  list.replaceChildren();
  for (const sample of shown) list.append(sampleElement(sample));
  list.hidden = shown.length === 0;
  empty.hidden = shown.length > 0;
  setCurrent(Math.min(place, shown.length - 1));
  const part = set.samples.length < set.total ? ` (a subset of ${number(set.total)} questions)` : '';
  count.textContent = `${number(found.length)} of ${number(set.samples.length)} samples${part}`;
  pageLabel.textContent = found.length === 0 ? '' : `${number(start + 1)}–${number(start + shown.length)}`;
  previousButton!.disabled = page === 0;
  nextButton!.disabled = page === last;
  writeAddress();
}

function number(value: number): string {
  return value.toLocaleString('en');
}

function sampleElement(sample: Sample): HTMLElement {
  const item = document.createElement('li');
  item.className = 'sample';
  item.tabIndex = -1;
  const open = (): void => {
    setCurrent([...list.children].indexOf(item));
    openCurrent();
  };
  const about = document.createElement('div');
  about.className = 'about';
  about.append(
    headElement(sample, set, open),
    textElement('p', sample.prompt, 'prompt'),
    referencesElement(sample.references),
  );
  const answers = document.createElement('ul');
  answers.className = 'answers';
  sample.answers.forEach((answer, place) => {
    answers.append(answerElement(sample, set, place, textElement('span', answerText(answer), 'answer')));
  });
  if (hasImages()) item.append(imageElement(sample, open));
  item.append(about, answers);
  return item;
}

/** Whether any sample of the set has an image to show, or a word about it. */
function hasImages(): boolean {
  return set.samples.some(({ image }) => image !== null);
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

/** Selects the sample `steps` after the current one, across pages. */
function step(steps: number): void {
  const place = current + steps;
  if (place < 0 && page > 0) show(page - 1, PAGE_SIZE - 1);
  else if (place >= list.children.length && !nextButton!.disabled) show(page + 1);
  else setCurrent(Math.min(Math.max(0, place), list.children.length - 1));
}

/** `step` in the list; the first one only enters it. */
function move(steps: number): void {
  if (list.contains(document.activeElement)) step(steps);
  focusCurrent();
}

function turn(pages: number): void {
  const hadFocus = list.contains(document.activeElement);
  show(page + pages);
  if (hadFocus) focusCurrent();
  else list.scrollIntoView({ block: 'start' });
}

/** Opens the view of the selected sample. */
function openCurrent(): void {
  const sample = found[page * PAGE_SIZE + current];
  if (sample === undefined) return;
  openQuestion(sample, set);
  writeAddress();
}

/** Opens the view of the sample `steps` after the one that is open. */
function openNext(steps: number): void {
  step(steps);
  openCurrent();
}

function writeAddress(): void {
  const state: Record<string, string> = {};
  if (setSelect.selectedIndex > 0) state['set'] = set.title;
  for (const select of filterSelects()) {
    if (select.selectedIndex > 0) state[select.name] = select.selectedOptions[0]!.text;
  }
  if (search.value !== '') state['search'] = search.value;
  if (page > 0) state['page'] = String(page + 1);
  const open = question.open ? found[page * PAGE_SIZE + current] : undefined;
  if (open) state['question'] = String(open.row);
  putStateInAddress(state);
}

/**
 * Takes the state from the address; what it names and the page lacks is ignored.
 * @returns whether there is one
 */
function readAddress(): boolean {
  const state = stateInAddress();
  if (state === null) return false;
  selectText(setSelect, state['set']);
  chooseSet();
  for (const select of filterSelects()) selectText(select, state[select.name]);
  search.value = state['search'] ?? '';
  filter();
  const place = found.findIndex(({ row }) => String(row) === state['question']);
  if (place === -1) {
    question.close();
    show(Number(state['page'] ?? 1) - 1 || 0);
    document.getElementById('browser')!.scrollIntoView();
    return true;
  }
  show(Math.floor(place / PAGE_SIZE), place % PAGE_SIZE);
  focusCurrent();
  openCurrent();
  return true;
}

function selectText(select: HTMLSelectElement, text: string | undefined): void {
  select.selectedIndex = Math.max(
    0,
    [...select.options].findIndex((option) => option.text === text),
  );
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
/** In the view of one question. */
const QUESTION_KEYS: Record<string, () => void> = {
  j: () => openNext(1),
  k: () => openNext(-1),
  ArrowRight: () => openNext(1),
  ArrowLeft: () => openNext(-1),
  z: toggleFullSize,
};

function actionOf({ key, target }: KeyboardEvent): (() => void) | undefined {
  if (question.open) return QUESTION_KEYS[key];
  if (key === 'Enter' && (target as HTMLElement).matches('.sample')) return openCurrent;
  return KEYS[key] ?? (list.contains(target as HTMLElement) ? LIST_KEYS[key] : undefined);
}

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
  const action = actionOf(event);
  if (!action) return;
  event.preventDefault();
  action();
});
list.addEventListener('focusin', (event) => {
  const item = (event.target as HTMLElement).closest('.sample');
  if (item) setCurrent([...list.children].indexOf(item));
});
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('input', (event) => {
  if (event.target === setSelect) chooseSet();
  filter();
  show(0);
});
document.getElementById('clear')!.addEventListener('click', () => {
  clearFilters();
  filter();
  show(0);
  focusCurrent();
});
previousButton!.addEventListener('click', () => turn(-1));
nextButton!.addEventListener('click', () => turn(1));
document.getElementById('question-previous')!.addEventListener('click', () => openNext(-1));
document.getElementById('question-next')!.addEventListener('click', () => openNext(1));
question.addEventListener('close', () => {
  writeAddress();
  focusCurrent();
});
window.addEventListener('hashchange', readAddress);

for (const [i, { title }] of data.sets.entries()) setSelect.append(new Option(title, String(i)));
setSelect.parentElement!.hidden = data.sets.length === 1;
if (!readAddress()) {
  chooseSet();
  filter();
  show(0);
}
