import type { SchemaObject } from 'ajv';
import { PATH as INNER_PATH } from '../../datasets/catalogue-schema.js';
import { hexDigits, POSITIVE, SHA256, TEXT, URL_TEXT } from '../../shared/json-schema.js';
import { METRIC_NAMES } from '../metrics/metric-names.js';

/*
 * The JSON Schema of task files. docs/task.schema.json is made of it, so its descriptions are written for users. Fields that
 * may be text or an object have one schema with two types instead of `anyOf`, whose errors would not name the real problem.
 */

const NAME: SchemaObject = {
  type: 'string',
  pattern: '^[a-z0-9][a-z0-9.-]{0,63}$',
  description: 'lower-case letters, digits, dots and hyphens',
};
const LONG_TEXT: SchemaObject = { ...TEXT, maxLength: 20_000 };
const COLUMN: SchemaObject = { type: 'string', minLength: 1, maxLength: 200, description: 'name of a column' };
const PATH: SchemaObject = {
  ...INNER_PATH,
  maxLength: 500,
  description: 'a relative path with forward slashes that stays in the data folder',
};

function list(items: SchemaObject, description?: string): SchemaObject {
  return { type: 'array', items, minItems: 1, maxItems: 1000, ...(description ? { description } : {}) };
}

/** An object with these fields and comments, and no others. */
function closed(
  required: Record<string, SchemaObject>,
  optional: Record<string, SchemaObject> = {},
  description?: string,
): SchemaObject {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    patternProperties: { '^//': {} },
    required: Object.keys(required),
    additionalProperties: false,
    ...(description ? { description } : {}),
  };
}

/** Text, or an object with these fields. */
function textOr(text: SchemaObject, object: SchemaObject): SchemaObject {
  const { description, ...own } = text;
  return { ...own, ...object, type: ['string', 'object'], ...(description ? { description } : {}) };
}

/** Text, or a list of texts. */
function oneOrMore(text: SchemaObject, description: string): SchemaObject {
  return { ...text, type: ['string', 'array'], items: text, minItems: 1, maxItems: 100, description };
}

const TEMPLATE = oneOrMore(
  LONG_TEXT,
  'text with {columns}, {question} and {options}; parts of a list that have a missing {column?} are left out',
);

const split = closed(
  {
    files: list(
      PATH,
      'JSON, JSON Lines, CSV, TSV or Parquet files with a row per question; * stands for any part of a name',
    ),
  },
  {
    list: { ...COLUMN, description: 'JSON: field with the list of questions' },
    where: {
      type: 'object',
      additionalProperties: list(TEXT),
      description: 'only rows whose column has one of these values',
    },
    imagesIn: { ...PATH, description: `${PATH['description']}: the images of this split` },
    questions: { ...POSITIVE, description: 'number of questions of the complete split' },
    images: { ...POSITIVE, description: 'number of images of the complete split' },
    scored: { enum: ['here', 'server'], description: 'server: the answers are not public' },
    note: LONG_TEXT,
    downloads: list(
      closed({ to: PATH, urls: list(URL_TEXT) }, { bytes: POSITIVE, sha256: SHA256, md5: hexDigits(32) }),
      'files that llavahr download fetches',
    ),
  },
);

const image: SchemaObject = {
  type: 'object',
  properties: {
    file: { ...LONG_TEXT, description: 'template of the name of the image file, such as "{image}"' },
    in: { ...PATH, description: `${PATH['description']}: a folder, or a zip archive` },
    column: { ...COLUMN, description: 'column with the images, as base64 or bytes' },
    id: {
      type: ['string', 'array'],
      pattern: '^(row|content)$',
      items: COLUMN,
      minItems: 1,
      maxItems: 10,
      description: 'row, content (rows with equal images share them), or a list of columns that identify the image',
    },
  },
  patternProperties: { '^//': {} },
  additionalProperties: false,
  dependencies: { file: ['in'], in: ['file'] },
  minProperties: 1,
};

const prompt: SchemaObject = {
  ...LONG_TEXT,
  type: ['string', 'array', 'object'],
  items: LONG_TEXT,
  minItems: 1,
  maxItems: 100,
  properties: { withOptions: TEMPLATE, withoutOptions: TEMPLATE },
  patternProperties: { '^//': {} },
  required: ['withOptions', 'withoutOptions'],
  additionalProperties: false,
  description: 'what the model is asked',
};

export const TASK_SCHEMA: SchemaObject = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'llavahr task file',
  ...closed(
    {
      schemaVersion: { const: 1 },
      name: NAME,
      splits: {
        type: 'object',
        minProperties: 1,
        propertyNames: { pattern: NAME['pattern'] },
        additionalProperties: split,
        description: 'by name; the first is the default',
      },
      fields: closed(
        { question: COLUMN },
        {
          id: COLUMN,
          options: oneOrMore(COLUMN, 'a column per option, or one column with a list'),
          answer: oneOrMore(
            COLUMN,
            'column with the right answer or a list of them; of several columns a row may have one',
          ),
          category: oneOrMore(COLUMN, 'columns by which scores are broken down'),
        },
        'names of columns',
      ),
      prompt,
      metric: textOr(
        { type: 'string', description: `one of ${METRIC_NAMES.join(', ')}` },
        closed(
          { name: { enum: [...METRIC_NAMES] } },
          {
            tolerance: { type: 'number', minimum: 0, maximum: 1 },
            threshold: { type: 'number', minimum: 0, maximum: 1 },
            formulas: closed({ column: COLUMN, values: list(TEXT) }),
          },
        ),
      ),
    },
    {
      $schema: TEXT,
      title: LONG_TEXT,
      source: LONG_TEXT,
      licence: LONG_TEXT,
      notes: list(LONG_TEXT),
      answerIs: { enum: ['text', 'list', 'index', 'option'] },
      missing: list(TEXT, 'cells that mean "nothing here"'),
      image,
      optionFormat: LONG_TEXT,
      optionSeparator: LONG_TEXT,
      systemPrompt: LONG_TEXT,
      maxNewTokens: { type: 'integer', minimum: 1, maximum: 4096 },
      extract: closed({ patterns: list(LONG_TEXT) }, { otherwise: { enum: ['whole', 'nothing'] } }),
      score: { enum: ['mean', 'sum', 'macro-mean'] },
      circular: closed({ column: COLUMN }, { modulo: POSITIVE }),
      mainCategories: { type: 'boolean' },
      categoryNames: { type: 'object', additionalProperties: LONG_TEXT },
      published: list(
        closed(
          {
            model: TEXT,
            resolution: POSITIVE,
            split: NAME,
            score: { type: 'number' },
            source: closed({ title: TEXT, address: URL_TEXT }),
          },
          { note: LONG_TEXT },
        ),
      ),
    },
  ),
};
