/** Text with placeholders, ready to be filled. */
export interface ParsedTemplate {
  parts: readonly TemplatePart[];
  /** Names of its placeholders. */
  names: readonly string[];
}

type Piece = string | { name: string; optional: boolean };
type TemplatePart = readonly Piece[];

/** What is wrong with a template, or with a row it is filled from. */
export class TemplateError extends Error {
  override name = 'TemplateError';
}

/** A placeholder, an escaped brace, or a brace that is neither. */
const BRACE = /\{\{|\}\}|\{([^{}?\n]+)(\??)\}|[{}]/g;

/**
 * Parses a template: {name} is replaced by a value, {{ and }} are braces. Parts of a list that have a {name?} without a value
 * are left out.
 * @throws TemplateError where a brace has no partner
 */
export function parseTemplate(template: string | readonly string[]): ParsedTemplate {
  const parts = (typeof template === 'string' ? [template] : template).map(parsePart);
  const names = parts.flat().flatMap((piece) => (typeof piece === 'string' ? [] : [piece.name]));
  return { parts, names: [...new Set(names)] };
}

function parsePart(text: string): TemplatePart {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(BRACE)) {
    pieces.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const [token, name, mark] = match;
    if (name !== undefined) pieces.push({ name: name.trim(), optional: mark === '?' });
    else if (token.length === 2) pieces.push(token[0]!);
    else
      throw new TemplateError(`has a single "${token}": write ${token}${token} for a brace, or {column} for a value`);
  }
  pieces.push(text.slice(end));
  return pieces.filter((piece) => piece !== '');
}

/**
 * Fills a template.
 * @param valueFor the value of a name; undefined without one
 * @throws TemplateError when a value that is not optional is missing
 */
export function fillTemplate({ parts }: ParsedTemplate, valueFor: (name: string) => string | undefined): string {
  return parts.map((part) => fillPart(part, valueFor)).join('');
}

function fillPart(part: TemplatePart, valueFor: (name: string) => string | undefined): string {
  let text = '';
  for (const piece of part) {
    if (typeof piece === 'string') {
      text += piece;
      continue;
    }
    const value = valueFor(piece.name);
    if (value !== undefined) text += value;
    else if (piece.optional) return '';
    else throw new TemplateError(`has no "${piece.name}"`);
  }
  return text;
}
