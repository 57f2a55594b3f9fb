import type { Failure, PageData, Sample, SampleSet } from '../page-data.js';

/* Elements that show a sample. All text is inserted as text, never as markup. */

const LONG_TEXT = 400; // characters; longer text scrolls in its own box

export const data = JSON.parse(document.getElementById('data')!.textContent!) as PageData;

export type Verdict = 'right' | 'wrong' | 'failed' | 'unscored';

const MARKS: Record<Verdict, string> = { right: '✓', wrong: '✗', failed: '–', unscored: '·' };

export function verdictOf({ answers, scores }: Sample, place: number): Verdict {
  const answer = answers[place];
  const score = scores[place] ?? null;
  if (answer === null || typeof answer !== 'string') return 'failed';
  if (score === null) return 'unscored';
  return score >= data.rightFrom ? 'right' : 'wrong';
}

export function answerText(answer: string | Failure | null): string {
  if (answer === null) return 'not asked';
  return typeof answer === 'string' ? answer : `failed: ${answer.failure}`;
}

/** An element with untrusted text, isolated so that it cannot affect the page or the text around it. */
export function textElement(tag: string, text: string, className = ''): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = text.length > LONG_TEXT ? `${className} long` : className;
  element.dir = 'auto';
  return element;
}

/** Row, id and category. @param open makes the row a button */
export function headElement(sample: Sample, set: SampleSet, open?: () => void): HTMLElement {
  const head = document.createElement('p');
  head.className = 'head';
  const row = textElement(open ? 'button' : 'span', `#${sample.row}`, 'row');
  if (open) row.addEventListener('click', open);
  head.append(row);
  if (sample.id !== sample.row) head.append(textElement('span', String(sample.id), 'id'));
  if (sample.category !== null) head.append(textElement('span', set.categories[sample.category]!, 'category'));
  return head;
}

/** The image in a button that enlarges it, or why it is not there; empty if the page has no room for it. */
export function imageElement({ image, row }: Sample, enlarge: () => void): HTMLElement {
  if (image === 'changed') return textElement('p', 'The image has changed since the run.', 'image');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'image';
  if (image === null) {
    button.hidden = true;
    return button;
  }
  const picture = document.createElement('img');
  picture.src = `data:image/webp;base64,${data.images[image]}`;
  picture.alt = `image of question ${row}`;
  button.append(picture);
  button.addEventListener('click', enlarge);
  return button;
}

export function referencesElement(references: Sample['references']): HTMLElement {
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

/** A model's letter and whether it is right, its answer, and its score if it is right in part. */
export function answerElement(sample: Sample, set: SampleSet, place: number, answer: Node): HTMLElement {
  const { key, name } = data.systems[set.systems[place]!]!;
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
  line.append(letter, mark, answer, textElement('span', isPart ? score.toFixed(2) : '', 'score'));
  return line;
}
