import { Ajv, type SchemaObject } from 'ajv';

/** Tells whether a value fits a schema. */
export interface SchemaCheck<T> {
  fits(value: unknown): value is T;
  /** What was wrong with the last value that did not fit. */
  problem(): string;
}

/** NaN and infinities fit no schema: JSON would turn them into null unnoticed. */
export function schemaCheck<T>(schema: SchemaObject): SchemaCheck<T> {
  const validate = new Ajv({ strictRequired: false, allowUnionTypes: true }).compile<T>(schema);
  return {
    fits: validate,
    problem() {
      const { instancePath, message, params } = validate.errors![0]!;
      const allowed = 'allowedValue' in params ? ` ${JSON.stringify(params.allowedValue)}` : '';
      return `${instancePath.slice(1).replaceAll('/', '.') || 'the document'} ${message}${allowed}`;
    },
  };
}

/** Schema of an object that has all of T's properties; further ones are let pass. */
export function objectOf<T>(properties: Record<keyof T, SchemaObject>): SchemaObject {
  return { type: 'object', properties, required: Object.keys(properties) };
}

/** Schema of an object used as a map. */
export function mapOf(values: SchemaObject): SchemaObject {
  return { type: 'object', additionalProperties: values };
}

/** Written as JSON Schema has it, so that others can read it. @param schema with a single `type` */
export function nullable(schema: SchemaObject): SchemaObject {
  return { ...schema, type: [schema['type'], 'null'] };
}

export const TEXT: SchemaObject = { type: 'string' };
/** Not negative, with a fraction. */
export const AMOUNT: SchemaObject = { type: 'number', minimum: 0 };
/** 0, 1, 2 ... */
export const COUNT: SchemaObject = { type: 'integer', minimum: 0 };
export const POSITIVE: SchemaObject = { type: 'integer', minimum: 1 };
export const SHA256: SchemaObject = { type: 'string', pattern: '^[0-9a-f]{64}$' };
