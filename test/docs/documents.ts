import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/shared/package-root.js';

/** A Markdown document of the project. */
export interface Document {
  /** Relative to the project. */
  path: string;
  text: string;
}

/** A command line in a document, split as a shell would. */
export interface DocumentedCommand {
  document: string;
  words: string[];
}

/** Every Markdown document that users or contributors read. */
export function readDocuments(): Document[] {
  const top = readdirSync(PACKAGE_ROOT).filter((name) => name.endsWith('.md'));
  const below = ['docs', 'sample'].flatMap((folder) =>
    readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  );
  return [...top, ...below].map((path) => ({ path, text: readFileSync(join(PACKAGE_ROOT, path), 'utf8') }));
}

/** Lines of code blocks: indented by four spaces after a blank line, or fenced without a language or as shell. */
export function codeLines(text: string): string[] {
  const lines: string[] = [];
  let fence: string | null = null;
  let isIndented = false;
  let previous = '';
  for (const line of text.split('\n')) {
    const [, language] = /^```(\w*)/.exec(line) ?? [];
    if (language !== undefined) fence = fence === null ? language : null;
    else if (fence !== null) {
      if (['', 'sh', 'bash', 'shell'].includes(fence)) lines.push(line);
    } else {
      isIndented = line.startsWith('    ') && (isIndented || previous.trim() === '');
      if (isIndented) lines.push(line.trim());
    }
    previous = line;
  }
  return lines;
}

/** The contents of `code` in running text, line breaks as spaces. */
export function inlineCode(text: string): string[] {
  const prose = text
    .replace(/^```[\s\S]*?^```$/gm, '')
    .split('\n')
    .filter((line) => !line.startsWith('    '))
    .join('\n');
  return prose
    .split(/\n\s*\n/)
    .flatMap((paragraph) => [...paragraph.matchAll(/`([^`]+)`/g)].map((match) => match[1]!.replace(/\s+/g, ' ')));
}

/** Words that may stand before a command in a line. */
const BEFORE_COMMAND = new Set(['do', 'then', 'exec', 'npx', 'time']);

/**
 * The commands of one line of shell: comments and assignments left out, 1 for variables, and
 * `llavahr` for `node bin/llavahr`.
 */
export function commandsOf(line: string): string[][] {
  return line
    .replace(/(^|\s)#.*$/, '')
    .replaceAll(/\$\w+/g, '1')
    .split(/;|&&|\|\|?/)
    .map((part) => {
      const words = [...part.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3]!);
      while (words.length > 0 && (BEFORE_COMMAND.has(words[0]!) || /^[A-Z_]+=/.test(words[0]!))) words.shift();
      return words[0] === 'node' && words[1] === 'bin/llavahr' ? ['llavahr', ...words.slice(2)] : words;
    })
    .filter((words) => words.length > 0);
}

/** Every command line in a document, from code blocks and from inline code. */
export function documentedCommands({ path, text }: Document): DocumentedCommand[] {
  return [...codeLines(text), ...inlineCode(text)].flatMap((line) =>
    // A "|" inside inline code of a table is escaped, and none of a shell.
    commandsOf(line.replaceAll('\\|', '/')).map((words) => ({ document: path, words })),
  );
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  );
}

/** Whether a path exists in the project. */
export function exists(path: string): boolean {
  return existsSync(join(PACKAGE_ROOT, path));
}
