import { Ajv, type ErrorObject, type SchemaObject, type ValidateFunction } from 'ajv';

/** Validates values against a schema. */
export interface SchemaCheck<T> {
  fits(value: unknown): value is T;
  /** Describes why the last value was invalid. */
  problem(): string;
  /** What `problem` describes, for messages of one's own. */
  error(): ErrorObject;
}

/** One for all checks: making an Ajv takes longer than compiling a schema. */
let ajv: Ajv | undefined;

/**
 * Checks values against a schema, which is compiled when the first one comes: modules define their checks when they are
 * imported, and most commands use few of them. NaN and infinities are always invalid: JSON would silently turn them into null.
 */
export function schemaCheck<T>(schema: SchemaObject): SchemaCheck<T> {
  let validate: ValidateFunction<T> | undefined;
  return {
    fits(value): value is T {
      ajv ??= new Ajv({ strictRequired: false, allowUnionTypes: true, verbose: true });
      validate ??= ajv.compile<T>(schema);
      return validate(value);
    },
    error: () => validate!.errors![0]!,
    problem() {
      const { instancePath, message, params } = validate!.errors![0]!;
      const allowed = 'allowedValue' in params ? ` ${JSON.stringify(params.allowedValue)}` : '';
      return `${instancePath.slice(1).replaceAll('/', '.') || 'the document'} ${message}${allowed}`;
    },
  };
}

/** Schema of an object with all of T's properties but those that are optional; additional ones are allowed. */
export function objectOf<T>(
  properties: Record<keyof T, SchemaObject>,
  optional: readonly (keyof T & string)[] = [],
): SchemaObject {
  const required = Object.keys(properties).filter((name) => !optional.some((other) => other === name));
  return { type: 'object', properties, required };
}

/** Schema of an object used as a map. */
export function mapOf(values: SchemaObject): SchemaObject {
  return { type: 'object', additionalProperties: values };
}

/** Allows null, in standard JSON Schema rather than OpenAPI's `nullable`. @param schema schema with a single `type` */
export function nullable(schema: SchemaObject): SchemaObject {
  return { ...schema, type: [schema['type'], 'null'] };
}

/** A text of so many hexadecimal digits. */
export function hexDigits(count: number): SchemaObject {
  return { type: 'string', pattern: `^[0-9a-f]{${count}}$` };
}

export const TEXT: SchemaObject = { type: 'string' };
/** A non-negative number. */
export const AMOUNT: SchemaObject = { type: 'number', minimum: 0 };
/** 0, 1, 2 ... Beyond 2^53 JSON's numbers would be rounded, and other ids than in the file. */
export const COUNT: SchemaObject = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
/** A text, or an integer that JavaScript represents exactly. */
export const ID: SchemaObject = {
  type: ['string', 'integer'],
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
};
export const POSITIVE: SchemaObject = { type: 'integer', minimum: 1 };
export const SHA256 = hexDigits(64);
export const URL_TEXT: SchemaObject = { type: 'string', pattern: '^https?://[^\\s]+$' };
