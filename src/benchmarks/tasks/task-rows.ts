import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openTable } from '../../datasets/tables/open-table.js';
import type { Cell, Table } from '../../datasets/tables/table.js';
import { countOf } from '../../shared/count-of.js';
import { UserError } from '../../shared/errors.js';
import { insideFolder } from '../../shared/inside-folder.js';
import { say } from '../../shared/log.js';
import { parseJson } from '../../shared/parse-json.js';
import { parsePythonList } from '../../shared/python-literal.js';
import { shortPaths } from '../../shared/short-paths.js';
import { type Grader, METRICS, type MetricSettings } from '../metrics/metrics.js';
import { OPTION_LETTERS } from '../metrics/option-letter.js';
import { answerExtractor } from './extract.js';
import { fitsName, partsProblem } from './file-names.js';
import type { TaskFile, TaskMetric, TaskSplit } from './task-file.js';
import { fillTemplate, type ParsedTemplate, parseTemplate, TemplateError } from './template.js';

/** A question of a task. */
export interface TaskRow {
  id: string | number;
  /** Name of the image; null without one. */
  image: string | null;
  text: string;
  /** Right answers in readable form; empty where they are not public. */
  answers: readonly string[];
  /** null for a question without an answer. */
  grade: Grader | null;
  /** Per column of `fields.category`. */
  categories: readonly (string | null)[];
  /** What its copies in circular evaluation share; null without. */
  group: string | null;
}

/** The questions of a split. */
export interface TaskRows {
  rows: TaskRow[];
  /** Paths of the tables. */
  files: string[];
  /** Where an image in a table is, by its name: once, or in several rows that `image.id` says have the same. */
  embedded: Map<string, { table: Table; row: number }[]>;
  /** The complete split, of which `limit` may have left out rows. */
  whole: WholeSplit;
  /** Closes the tables, which images in them are read from. */
  close(): Promise<void>;
}

/** What is known of a split's rows beyond a limit. */
export interface WholeSplit {
  questions: number;
  /** Per group of circular evaluation, how many copies it has. */
  copies: ReadonlyMap<string, number>;
}

/**
 * Reads the questions of a split.
 * @param origin of the task, for messages
 * @param limit maximum number of questions
 * @throws UserError naming file and row of a table that does not fit the task
 */
export async function readTaskRows(
  task: TaskFile,
  split: TaskSplit,
  folder: string,
  { origin, limit = Number.POSITIVE_INFINITY }: { origin: string; limit?: number },
): Promise<TaskRows> {
  const reader = rowReader(task, split, origin);
  const request = {
    ...reader.request,
    origin: task.source ?? `${origin} says that it is in ${join(folder, '.')}.`,
  };
  const copies = new Map<string, number>();
  const whole = { questions: 0, copies };
  const tables: Table[] = [];
  const close = async (): Promise<void> => {
    for (const table of tables) await table.close();
  };
  const result: TaskRows = { rows: [], files: [], embedded: new Map(), whole, close };
  try {
    const paths = [...new Set(split.files.flatMap((name) => pathsOf(folder, name, task, origin)))];
    const names = shortPaths(paths);
    for (const [i, path] of paths.entries()) {
      const table = await openTable(path, request);
      tables.push(table);
      result.files.push(path);
      reader.checkTable(table);
      for (let row = 0; row < table.rows.length; row++) {
        if (!reader.isOfSplit(table, row)) continue;
        whole.questions++;
        const group = reader.groupOf(table, row);
        if (group !== null) copies.set(group, (copies.get(group) ?? 0) + 1);
        if (result.rows.length < limit) reader.addRow(table, names[i]!, row, result);
      }
    }
    if (result.rows.length === 0) throw new UserError(`${result.files.join(', ')} has no questions for this split.`);
    if (reader.listTexts.length > 0) {
      const count = countOf(
        reader.listTexts.length,
        'right answer is the text of a list',
        'right answers are texts of lists',
      );
      say('warn', `${count}, such as ${reader.listTexts[0]}. "answerIs": "list" in a task file takes their items.`);
    }
    return result;
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The paths of a file, or of those that fit a name with "*", sorted. The file itself may be missing.
 * @throws UserError when parts of a table are missing, which would leave out their questions
 */
function pathsOf(folder: string, name: string, { source = '' }: TaskFile, origin: string): string[] {
  const path = insideFolder(folder, name);
  if (path === null) throw new UserError(`${origin}: the file ${JSON.stringify(name)} is not inside the data folder.`);
  if (!basename(name).includes('*') || !existsSync(dirname(path))) return [path];
  const files = readdirSync(dirname(path)).filter((file) => fitsName(basename(name), file));
  const problem = partsProblem(basename(name), files);
  if (problem !== null) throw new UserError(`${dirname(path)}: ${problem}. ${source}`.trimEnd());
  return files.length > 0 ? files.sort().map((file) => join(dirname(path), file)) : [path];
}

/** Everything about a task that is the same for all rows. */
function rowReader(task: TaskFile, split: TaskSplit, origin: string) {
  const { fields, image, answerIs = 'text', circular } = task;
  const metric: TaskMetric = typeof task.metric === 'string' ? { name: task.metric } : task.metric;
  const settings: MetricSettings = { tolerance: metric.tolerance, threshold: metric.threshold };
  const missing = new Set(['', ...(task.missing ?? [])]);
  const prompts = promptsOf(task);
  const fileName = image && 'file' in image ? parseTemplate(image.file) : null;
  const extract = task.extract ? answerExtractor(task.extract) : (answer: string) => answer;
  const answerColumns = fields.answer === undefined || split.scored === 'server' ? [] : [fields.answer].flat();
  const optionColumns = fields.options === undefined ? [] : [fields.options].flat();
  const categoryColumns = fields.category === undefined ? [] : [fields.category].flat();
  const where = Object.entries(split.where ?? {}).map(([column, values]) => [column, new Set(values)] as const);
  const imageColumns = image && 'column' in image && Array.isArray(image.id) ? image.id : [];
  const imageColumn = image && 'column' in image ? image.column : null;
  const named: [place: string, columns: readonly string[]][] = [
    ['fields.question', [fields.question]],
    ['fields.id', [fields.id ?? []].flat()],
    ['fields.answer', answerColumns],
    ['fields.options', optionColumns],
    ['fields.category', categoryColumns],
    ['prompt', prompts.columns],
    ['image.file', fileName?.names ?? []],
    ['image.id', imageColumns],
    ['metric.formulas.column', [metric.formulas?.column ?? []].flat()],
    ['circular.column', [circular?.column ?? []].flat()],
    ['where', where.map(([column]) => column)],
  ];
  const request = {
    columns: [...new Set(named.flatMap(([, columns]) => columns))],
    optional: [...prompts.optional, ...optionalNames(fileName), ...(answerColumns.length > 1 ? answerColumns : [])],
    image: imageColumn,
    hashImages: image !== undefined && 'column' in image && image.id === 'content',
    ...(split.list === undefined ? {} : { list: split.list }),
    namedBy: Object.fromEntries(
      [...named, ['image.column', [imageColumn ?? []].flat()] as const].flatMap(([place, columns]) =>
        columns.map((column) => [column, `${origin} names in ${place}`]),
      ),
    ),
  };

  /** Text of a cell; undefined where there is nothing. */
  const textAt = (cells: Readonly<Record<string, Cell>>, column: string): string | undefined => {
    const text = cellText(cellAt(cells, column));
    return text === undefined || missing.has(text) ? undefined : text;
  };

  function optionsOf(cells: Readonly<Record<string, Cell>>, place: string): string[] {
    if (optionColumns.length === 0) return [];
    const options = Array.isArray(fields.options)
      ? columnOptions(cells)
      : listOf(cellAt(cells, fields.options!), `${place}: "${fields.options}"`);
    if (options === null) throw new UserError(`${place}: "${fields.options}" is no list of options.`);
    if (options.length <= OPTION_LETTERS.length) return options;
    throw new UserError(`${place} has ${options.length} options; there are only ${OPTION_LETTERS.length} letters.`);
  }

  function columnOptions(cells: Readonly<Record<string, Cell>>): string[] {
    const options = optionColumns.map((column) => textAt(cells, column));
    const end = options.indexOf(undefined);
    return options.slice(0, end < 0 ? options.length : end) as string[];
  }

  /** The right answers as the metric takes them. */
  function answersOf(cells: Readonly<Record<string, Cell>>, options: readonly string[], place: string): string[] {
    const [column, other] = answerColumns.filter((name) => cellAt(cells, name) !== undefined);
    if (column === undefined) return [];
    if (other !== undefined)
      throw new UserError(`${place} has both "${column}" and "${other}"; one of them is enough.`);
    const cell = cellAt(cells, column);
    if (cell === null) {
      throw new UserError(`${place}: ${column} is null or NaN. Leave it out where a question has no answer.`);
    }
    if (Array.isArray(cell)) return textsOf(cell, `${place}: "${column}"`);
    if (typeof cell === 'object')
      throw new UserError(`${place}: "${column}" is a record. ${fieldAdvice(cell, column)}`);
    const text = textAt(cells, column);
    if (text === undefined) return [];
    switch (answerIs) {
      case 'text':
        if (/^\s*\[\s*['"]/.test(text) && parsePythonList(text) !== null) listTexts.push(`${place}: ${text}`);
        return [text];
      case 'list':
        return listOf(text, `${place}: "${column}"`) ?? [plainText(text, `${place}: "${column}"`)];
      case 'index': {
        const letter = /^\d+$/.test(text) && Number(text) < options.length ? OPTION_LETTERS[Number(text)] : undefined;
        if (letter !== undefined) return [letter];
        throw new UserError(
          `${place}: the answer ${JSON.stringify(text)} is no position in ${options.length} options, counted from 0.`,
        );
      }
      case 'option': {
        const index = options.indexOf(text);
        if (index >= 0) return [OPTION_LETTERS[index]!];
        throw new UserError(
          `${place}: the answer ${JSON.stringify(text)} is none of the options ${JSON.stringify(options)}.`,
        );
      }
    }
  }

  function graderOf(
    cells: Readonly<Record<string, Cell>>,
    answers: readonly string[],
    options: readonly string[],
    place: string,
  ): Grader | null {
    if (answers.length === 0) return null;
    const isFormula = metric.formulas?.values.includes(textAt(cells, metric.formulas.column) ?? '') ?? false;
    const grade = METRICS[metric.name]({ answers, options, isFormula }, settings);
    if (typeof grade === 'string') throw new UserError(`${place}: ${grade}`);
    return (answer) => {
      const part = extract(answer);
      return part === null ? null : grade(part);
    };
  }

  const placeOf = new Map<string, string>();
  const listTexts: string[] = [];

  /** @throws UserError for an id that JSON's numbers would round, or that another question has */
  function idOf(cell: Cell, row: number, place: string): string | number {
    if (typeof cell === 'number' && !Number.isSafeInteger(cell)) {
      throw new UserError(`${place}: ${fields.id} must be <= ${Number.MAX_SAFE_INTEGER}, or text in quotes.`);
    }
    const id = typeof cell === 'number' ? cell : (cellText(cell) ?? row);
    const other = placeOf.get(String(id));
    placeOf.set(String(id), place);
    if (other === undefined) return id;
    throw new UserError(`${place}: ${fields.id} ${JSON.stringify(id)} is also that of ${other}. Ids must be unique.`);
  }

  return {
    request,
    /** Answers that are taken as they are, but look like lists of answers in a table that has no lists. */
    listTexts,

    /** @throws UserError when no row has a column that the task names */
    checkTable({ path, rows }: Table): void {
      if (rows.length === 0) return;
      const absent = request.columns.find(
        (column) => !request.optional.includes(column) && rows.every((cells) => cellAt(cells, column) === undefined),
      );
      if (absent !== undefined) {
        throw new UserError(`${path} has no "${absent}" in any row, which ${request.namedBy[absent]}.`);
      }
    },

    /** Whether the split's `where` takes a row. */
    isOfSplit(table: Table, row: number): boolean {
      return where.every(([column, values]) => values.has(cellText(cellAt(table.rows[row]!, column)) ?? ''));
    },

    groupOf(table: Table, row: number): string | null {
      return circular ? groupOf(table.rows[row]!, circular, table.where(row)) : null;
    },

    /** @param name of the table, for those of its images */
    addRow(table: Table, name: string, row: number, { rows, embedded }: TaskRows): void {
      const cells = table.rows[row]!;
      const place = table.where(row);
      if (cellText(cellAt(cells, fields.question))?.trim() === '')
        throw new UserError(`${place}: the question is empty.`);
      const options = optionsOf(cells, place);
      const answers = answersOf(cells, options, place);
      const fill = (template: ParsedTemplate, valueFor: (name: string) => string | undefined): string => {
        try {
          return fillTemplate(template, valueFor);
        } catch (error) {
          if (error instanceof TemplateError) throw new UserError(`${place} ${error.message}, which ${origin} needs.`);
          throw error;
        }
      };
      const text = fill(prompts.of(options.length > 0), (name) => {
        if (name === 'options') return options.length > 0 ? prompts.formatOptions(options) : undefined;
        return textAt(cells, name === 'question' ? fields.question : name);
      });
      let imageName: string | null = null;
      if (fileName) {
        const isEmpty = fileName.names.some((name) => textAt(cells, name) === undefined);
        imageName = isEmpty ? null : fill(fileName, (name) => textAt(cells, name));
      } else if (table.imageKeys) {
        const key = table.imageKeys[row];
        if (key !== null && key !== undefined) {
          const cell = imageColumns.map((column) => textAt(cells, column) ?? '').join(' ');
          imageName = request.hashImages ? key : cell || `${name}#${key}`;
          const places = embedded.get(imageName) ?? [];
          embedded.set(imageName, places);
          if (places.length === 0 || !request.hashImages) places.push({ table, row });
        }
      }
      rows.push({
        id: fields.id === undefined ? rows.length : idOf(cellAt(cells, fields.id), rows.length, place),
        image: imageName,
        text,
        answers,
        grade: graderOf(cells, answers, options, place),
        categories: categoryColumns.map((column) => textAt(cells, column) ?? null),
        group: this.groupOf(table, row),
      });
    },
  };
}

function groupOf(
  cells: Readonly<Record<string, Cell>>,
  { column, modulo }: NonNullable<TaskFile['circular']>,
  place: string,
): string {
  const text = cellText(cellAt(cells, column)) ?? '';
  if (text === '') throw new UserError(`${place} has no "${column}", which circular.column needs.`);
  if (modulo === undefined) return text;
  if (/^\d{1,15}$/.test(text)) return String(Number(text) % modulo);
  throw new UserError(`${place}: "${column}" is ${JSON.stringify(text)}, but circular.modulo needs a number.`);
}

/** The templates of prompts, and the columns that they name. */
function promptsOf({ prompt, optionFormat = '{letter}. {option}', optionSeparator = '\n' }: TaskFile) {
  const isPair = typeof prompt === 'object' && !Array.isArray(prompt);
  const withOptions = parseTemplate(isPair ? prompt.withOptions : prompt);
  const withoutOptions = isPair ? parseTemplate(prompt.withoutOptions) : withOptions;
  const option = parseTemplate(optionFormat);
  const names = [...withOptions.names, ...withoutOptions.names];
  return {
    columns: names.filter((name) => name !== 'question' && name !== 'options'),
    /** Columns that a file may lack. */
    optional: [...optionalNames(withOptions), ...optionalNames(withoutOptions)],
    of: (hasOptions: boolean): ParsedTemplate => (hasOptions ? withOptions : withoutOptions),
    formatOptions: (options: readonly string[]): string =>
      options
        .map((text, i) =>
          fillTemplate(option, (name) =>
            name === 'letter' ? OPTION_LETTERS[i] : name === 'option' ? text : undefined,
          ),
        )
        .join(optionSeparator),
  };
}

function optionalNames(template: ParsedTemplate | null): string[] {
  const pieces = template?.parts.flat() ?? [];
  return pieces.flatMap((piece) => (typeof piece !== 'string' && piece.optional ? [piece.name] : []));
}

/** A column's cell, also if the column has the name of a property of all objects. */
function cellAt(cells: Readonly<Record<string, Cell>>, column: string): Cell | undefined {
  return Object.hasOwn(cells, column) ? cells[column] : undefined;
}

/** A cell as text; undefined for null, and for lists and records. */
function cellText(cell: Cell): string | undefined {
  if (typeof cell === 'string') return cell;
  return typeof cell === 'number' || typeof cell === 'boolean' ? String(cell) : undefined;
}

/**
 * The texts in a list, or in text that holds a JSON or Python list; null for anything else.
 * @param where names the cell, for messages
 */
function listOf(cell: Cell, where: string): string[] | null {
  if (Array.isArray(cell)) return textsOf(cell, where);
  if (typeof cell === 'object' && cell !== null) return null;
  const text = cellText(cell)?.trim();
  if (text === undefined || text === '') return [];
  if (!text.startsWith('[')) return null;
  try {
    const value = parseJson(text);
    if (Array.isArray(value)) return textsOf(value, where);
  } catch (error) {
    if (error instanceof UserError) throw error;
    // no JSON: Python writes single quotes
  }
  return parsePythonList(text);
}

/** @throws UserError for an item that is no text: it would count as an empty one */
function textsOf(items: readonly unknown[], where: string): string[] {
  return items.map((item, i) => {
    const text = cellText(item);
    if (text !== undefined) return text;
    const isRecord = typeof item === 'object' && item !== null && !Array.isArray(item);
    const kind = item === null ? 'null' : isRecord ? `a record with ${list(Object.keys(item))}` : 'no text';
    throw new UserError(`${where}: item ${i + 1} of the list is ${kind}. The list must have texts or numbers.`);
  });
}

/** Text beside lists. @throws UserError for a list that is neither JSON nor Python, such as NumPy's, which has no commas */
function plainText(text: string, where: string): string {
  if (!/^\s*\[\s*['"{].*\]\s*$/s.test(text)) return text;
  throw new UserError(`${where} is ${JSON.stringify(text)}, a list neither of JSON nor of Python. Write it as JSON.`);
}

function fieldAdvice(record: object | null, column: string): string {
  const [field] = Object.keys(record ?? {});
  return field === undefined ? 'It must be text or a list.' : `Name a field of it, such as "${column}.${field}".`;
}

function list(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}
