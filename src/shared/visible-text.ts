/*
 * Text from untrusted files is shown with escapes for what is not seen but changes what is: control codes, which steer a
 * terminal; bidirectional marks, which change the order of letters; characters without width, except those that join letters.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: matches control characters on purpose
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\p{Cs}]/gu;

/** A text whose hidden characters are escaped, as `\u202e`. Line breaks are kept. */
export function visibleText(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `visibleText` on one line: white space that breaks lines becomes a space. */
export function visibleLine(text: string): string {
  return visibleText(text.replace(/[\t-\r]+/g, ' '));
}

/** JSON for people and programs: the same value, with hidden characters escaped. */
export function visibleJson(value: unknown): string {
  return visibleText(JSON.stringify(value, null, 2));
}
