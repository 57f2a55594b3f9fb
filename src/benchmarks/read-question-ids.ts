import { UserError } from '../shared/errors.js';
import { parseJsonAt } from '../shared/parse-json.js';
import { unreadable } from '../shared/system-errors.js';
import { readUtf8 } from '../shared/utf8-text.js';

const FORMAT = 'It needs an id per line, a JSON list of ids, or JSON lines with "question_id".';

/**
 * Reads question ids from a file: one per line, a JSON list, or JSON lines such as LLaVA's questions and answers. A list may
 * hold ids or records.
 * @throws UserError when the file cannot be read or has no ids
 */
export async function readQuestionIds(path: string): Promise<string[]> {
  const text = await readUtf8(path).catch((error) => {
    throw unreadable(path, error, FORMAT);
  });
  const ids = text.trimStart().startsWith('[') ? idsOfList(parseJsonAt(text, path), path) : idsOfLines(text, path);
  if (ids.length === 0) throw new UserError(`${path} has no question ids. ${FORMAT}`);
  return ids;
}

function idsOfList(list: unknown, path: string): string[] {
  return (list as unknown[]).map((value, i) => idOf(value, `${path}, element ${i + 1}`));
}

function idsOfLines(text: string, path: string): string[] {
  return text.split('\n').flatMap((line, i) => {
    const where = `${path}, line ${i + 1}`;
    const id = line.trim();
    if (id === '') return [];
    return id.startsWith('{') ? idOf(parseJsonAt(id, where), where) : id;
  });
}

function idOf(value: unknown, where: string): string {
  const id = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['question_id'] : value;
  if (typeof id === 'string' || typeof id === 'number') return String(id);
  throw new UserError(`${where} is no question id. ${FORMAT}`);
}
