import { readFileSync, statSync } from 'node:fs';
import type { ErrorObject } from 'ajv';
import { messageOf, UserError } from '../../shared/errors.js';
import { schemaCheck } from '../../shared/json-schema.js';
import { didYouMean } from '../../shared/known-names.js';
import { parseJson } from '../../shared/parse-json.js';
import { unreadable } from '../../shared/system-errors.js';
import { decodeUtf8 } from '../../shared/utf8-text.js';
import { METRIC_NAMES } from '../metrics/metric-names.js';
import { compilePatterns } from './extract.js';
import type { TaskFile } from './task-file.js';
import { TASK_SCHEMA } from './task-schema.js';
import { parseTemplate, TemplateError } from './template.js';

const check = schemaCheck<TaskFile>(TASK_SCHEMA);

/** Far above any task file. */
const MAX_BYTES = 4 * 1024 * 1024;
const HELP = 'docs/task-files.md explains the fields; `llavahr task init` writes an example.';

/**
 * Reads and checks a task file.
 * @throws UserError naming the file, the JSON path of the mistake, and what would be right
 */
export function readTaskFile(path: string): TaskFile {
  return checkTask(parse(readText(path), path), path);
}

/** @param origin names the task in messages */
function checkTask(value: unknown, origin: string): TaskFile {
  if (!check.fits(value)) throw mistake(origin, describe(check.error()));
  const problem = contradiction(value);
  if (problem !== null) throw mistake(origin, problem);
  return value;
}

function mistake(origin: string, problem: string): UserError {
  return new UserError(`${origin}: ${problem}. ${HELP}`);
}

function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new UserError(`${path} has ${size} bytes: a task file has a few thousand.`);
    return decodeUtf8(readFileSync(path), path);
  } catch (error) {
    throw unreadable(path, error, HELP);
  }
}

function parse(text: string, path: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${messageOf(error)}. ${HELP}`, { cause: error });
  }
}

/** `/fields/options/0` -> `fields.options[0]` */
function jsonPath(pointer: string): string {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return steps.map((step, i) => (/^\d+$/.test(step) ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}

function describe({ instancePath, keyword, message, params, parentSchema, data }: ErrorObject): string {
  const path = jsonPath(instancePath);
  const at = path === '' ? 'the task' : path;
  switch (keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      const known = Object.keys((parentSchema?.['properties'] ?? {}) as object);
      return `${at} has an unknown field ${JSON.stringify(name)}.${didYouMean(name, known)} Its fields are ${known.join(', ')}`;
    }
    case 'required': {
      const known = Object.keys((parentSchema?.['properties'] ?? {}) as object);
      const unknown = Object.keys(data as object).find((name) => !known.includes(name) && !/^(\/\/|\$)/.test(name));
      const instead = unknown === undefined ? '' : `, but has an unknown field ${JSON.stringify(unknown)}`;
      return `${at} lacks the field "${params['missingProperty']}"${instead}`;
    }
    case 'enum':
      return `${at} must be one of ${(params['allowedValues'] as unknown[]).join(', ')}, not ${JSON.stringify(data)}`;
    case 'const':
      return `${at} must be ${JSON.stringify(params['allowedValue'])}`;
    case 'pattern': {
      const { description } = (parentSchema ?? {}) as { description?: string };
      return `${at} must be ${description ?? `like ${params['pattern']}`}, not ${JSON.stringify(data)}`;
    }
    default:
      return `${at} ${message}`;
  }
}

/** What a schema cannot tell; null if the task is consistent. */
function contradiction(task: TaskFile): string | null {
  const { fields, image, metric, prompt, answerIs, score, categoryNames, mainCategories } = task;
  const name = typeof metric === 'string' ? metric : metric.name;
  if (!METRIC_NAMES.includes(name))
    return `metric must be one of ${METRIC_NAMES.join(', ')}, not ${JSON.stringify(name)}`;
  if (image && 'file' in image && 'column' in image)
    return 'image has both "file" and "column": images are in one place';
  if (image && !('file' in image) && !('column' in image)) return 'image needs "file" and "in", or "column"';
  if ((answerIs === 'index' || answerIs === 'option') && fields.options === undefined) {
    return `answerIs is "${answerIs}", but fields.options is missing`;
  }
  if (fields.category === undefined && (score === 'macro-mean' || mainCategories || categoryNames)) {
    return 'fields.category is missing, but the score is broken down by category';
  }
  const splits = Object.entries(task.splits);
  const scoredHere = splits.find(([, split]) => split.scored !== 'server');
  if (fields.answer === undefined && scoredHere) {
    return `fields.answer is missing; splits.${scoredHere[0]}.scored must be "server" for questions without answers`;
  }
  return templateProblem(task, prompt) ?? patternProblem(task);
}

function templateProblem({ fields, image, optionFormat }: TaskFile, prompt: TaskFile['prompt']): string | null {
  const variants: [string, string | string[]][] =
    typeof prompt === 'string' || Array.isArray(prompt)
      ? [['prompt', prompt]]
      : [
          ['prompt.withOptions', prompt.withOptions],
          ['prompt.withoutOptions', prompt.withoutOptions],
        ];
  if (image && 'file' in image) variants.push(['image.file', image.file]);
  if (optionFormat !== undefined) variants.push(['optionFormat', optionFormat]);
  for (const [path, template] of variants) {
    try {
      const { names } = parseTemplate(template);
      if (names.includes('options') && fields.options === undefined && path.startsWith('prompt')) {
        return `${path} has {options}, but fields.options is missing`;
      }
    } catch (error) {
      if (error instanceof TemplateError) return `${path} ${error.message}`;
      throw error;
    }
  }
  return null;
}

function patternProblem({ extract }: TaskFile): string | null {
  if (extract === undefined) return null;
  const problem = compilePatterns(extract.patterns);
  return Array.isArray(problem) ? null : `extract.patterns${problem.message}`;
}
