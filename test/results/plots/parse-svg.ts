import { parseHTML } from 'linkedom';

/** Reads a plot as a page does that it stands in. */
export function parseSvg(svg: string): Element {
  return parseHTML(`<html><body>${svg}</body></html>`).document.querySelector('svg') as unknown as Element;
}

/** What the tests use of the DOM, whose types this project does not load. */
export interface Element {
  textContent: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element> & { length: number };
}

/** The texts of the part of a plot that Plot labels so. */
export function texts(plot: Element, label: string): string[] {
  return [...plot.querySelectorAll(`[aria-label="${label}"] text`)].map(({ textContent }) => textContent);
}
