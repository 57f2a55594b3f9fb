import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type SchemaObject, type ValidateFunction } from 'ajv';
import { projectRoot } from '../fixtures.js';

const ajv = new Ajv({ allowUnionTypes: true });
const checks = new Map<string, ValidateFunction>();

/**
 * Parses what a command printed with --json, which must be one object that fits the published schema, without fields that
 * the schema does not have.
 * @param name of the schema in docs/schemas
 */
// biome-ignore lint/suspicious/noExplicitAny: the schema says what it is
export function publishedJson(name: string, stdout: string): any {
  const value = JSON.parse(stdout);
  const check = checks.get(name) ?? ajv.compile(closed(readSchema(name)) as SchemaObject);
  checks.set(name, check);
  assert.ok(check(value), `${name}: ${ajv.errorsText(check.errors)}`);
  return value;
}

export function readSchema(name: string): SchemaObject {
  return JSON.parse(readFileSync(join(projectRoot, 'docs', 'schemas', `${name}.schema.json`), 'utf8'));
}

/** The schema without room for further fields. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, closed(part)]));
  const isObject = parts['type'] === 'object' && 'properties' in parts && !('additionalProperties' in parts);
  return isObject ? { ...parts, additionalProperties: false } : parts;
}
