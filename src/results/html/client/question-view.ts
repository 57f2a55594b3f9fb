import type { Sample, SampleSet } from '../page-data.js';
import {
  answerElement,
  answerText,
  data,
  headElement,
  imageElement,
  referencesElement,
  textElement,
} from './sample-elements.js';
import { wordDifferences } from './word-differences.js';

/* One question in a dialog: the image as large as the page has it, the whole prompt, and the raw answer of every run. */

const view = document.getElementById('question') as HTMLDialogElement;
const content = document.getElementById('question-content')!;

/** Shows a question, in place of the one that is shown. */
export function openQuestion(sample: Sample, set: SampleSet): void {
  const about = document.createElement('div');
  about.className = 'about';
  const prompt = sample.prompt + set.instruction;
  about.append(headElement(sample, set), textElement('p', prompt, 'prompt'), referencesElement(sample.references));
  about.append(answersElement(sample, set, prompt));
  const image = imageElement(sample, toggleFullSize);
  const isSmall = typeof sample.image === 'number' && sample.image >= data.largeImages;
  if (isSmall) about.append(textElement('p', 'The page has room for a small edition of this image only.', 'caption'));
  view.classList.remove('full-size');
  view.classList.toggle('without-image', sample.image === null);
  content.replaceChildren(image, about);
  content.scrollTop = 0;
  if (!view.open) view.showModal();
}

/** Shows the image pixel by pixel, or fitted again. */
export function toggleFullSize(): void {
  view.classList.toggle('full-size');
}

/** Every run's answer, with what differs from the first one marked; and its prompt where that has other words. */
function answersElement(sample: Sample, set: SampleSet, prompt: string): HTMLElement {
  const first = sample.answers.find((answer) => typeof answer === 'string');
  const prompts = new Map(sample.otherPrompts);
  const list = document.createElement('ul');
  list.className = 'answers';
  sample.answers.forEach((answer, place) => {
    const cell = document.createElement('div');
    const asked = prompts.get(place);
    cell.append(textElement('span', data.systems[set.systems[place]!]!.name, 'model'));
    if (asked !== undefined) cell.append(markedElement(prompt, asked, 'prompt'));
    cell.append(
      typeof answer === 'string' && first !== undefined
        ? markedElement(first, answer, 'answer')
        : textElement('p', answerText(answer), 'answer'),
    );
    list.append(answerElement(sample, set, place, cell));
  });
  return list;
}

/** A text whose differences from a base are marked. */
function markedElement(base: string, text: string, className: string): HTMLElement {
  const element = textElement('p', '', className);
  for (const part of wordDifferences(base, text))
    element.append(textElement(part.isOther ? 'mark' : 'span', part.text));
  return element;
}

document.getElementById('question-close')!.addEventListener('click', () => view.close());
