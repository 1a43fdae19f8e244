import addFormats from 'ajv-formats';
import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Issue, JsonRecord, JsonValue } from '#model';
import { compilePattern, PatternError } from '../regex/index.js';
import { boundSchema, SchemaError } from './schema-bounds.js';

/** Bytes of an input's JSON. It travels with every job; data belongs into sources. */
export const maxInputBytes = 32 * 1024;
/** Problems that one check tells. */
const maxIssues = 20;
/** Formats that are checked; others say something to people only. */
const formats = ['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid'] as const;
/** Formats are expressions of a library, whose time may grow faster than the text. */
const maxFormatted = 1_000;

const options: Options = {
  strict: false,
  allErrors: true,
  ownProperties: true,
  addUsedSchema: false,
  logger: false,
  // Patterns are the users': searched in linear time.
  code: { regExp: Object.assign(linear, { code: '' }) },
};

/** The library tells patterns apart by their text. */
function linear(source: string, flags: string): { test(text: string): boolean; toString(): string } {
  const pattern = compilePattern(source, flags);
  return { test: (text) => pattern.test(text), toString: () => `/${source}/${flags}` };
}

/** Knows the schema of schemas. */
const grammar = new Ajv2020(options);

/** One for each schema: a compiler keeps parts of all schemas that it ever saw. */
function createCompiler(): Ajv2020 {
  const made = new Ajv2020({ ...options, meta: false, validateSchema: false });
  for (const name of formats) {
    const check = testOf(addFormats.default.get(name));
    if (check === null) throw new Error(`The format ${name} is not known.`);
    made.addFormat(name, { type: 'string', validate: (text) => text.length <= maxFormatted && check(text) });
  }
  // The library compares each item with each other.
  made.removeKeyword('uniqueItems');
  made.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (isAsked: boolean, items: readonly JsonValue[]) =>
      !isAsked || new Set(items.map(canonical)).size === items.length,
    error: { message: 'must not have equal items' },
  });
  return made;
}

/** The library gives expressions, functions, and objects that hold either. */
function testOf(format: unknown): ((text: string) => boolean) | null {
  if (typeof format === 'function') return format as (text: string) => boolean;
  if (typeof format !== 'object' || format === null) return null;
  if ('validate' in format) return testOf(format.validate);
  return 'test' in format ? (text) => (format as RegExp).test(text) : null;
}

/** Equal values have equal texts. */
function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

/**
 * Checks the input of a run against the JSON Schema (2020-12) of its flow.
 *
 * @param input `{}` when the run has none
 * @returns what is wrong, with fields below `input`; nothing when it may run
 */
export type CheckInput = (input: JsonRecord) => readonly Issue[];

/**
 * Compiles the schema of a flow's input. It is hostile until shown otherwise (P7): bounded in what a check can cost, with
 * references into itself only and patterns that are searched in linear time.
 *
 * @throws SchemaError when it is no such schema; the message says why
 */
export function compileInputSchema(schema: JsonRecord): CheckInput {
  boundSchema(schema);
  if (grammar.validateSchema(schema) !== true)
    throw new SchemaError(`The schema is not valid: ${grammar.errorsText()}.`);
  let validate: ValidateFunction;
  try {
    validate = createCompiler().compile(schema);
  } catch (error) {
    throw new SchemaError((error as Error).message, { cause: error });
  }
  return (input) => {
    try {
      return validate(input) ? [] : (validate.errors ?? []).slice(0, maxIssues).map(toIssue);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      return [{ code: 'invalid_field_value', message: error.message, field: 'input' }];
    }
  };
}

function toIssue({ keyword, instancePath, params, message }: ErrorObject): Issue {
  const field = fieldOf(instancePath);
  const { missingProperty, additionalProperty, allowedValues } = params as Readonly<Record<string, unknown>>;
  if (keyword === 'required' && typeof missingProperty === 'string') {
    const missing = `${field}.${missingProperty}`;
    return { code: 'missing_required_field', message: `Expected field: ${missing} to be present.`, field: missing };
  }
  if (typeof additionalProperty === 'string') {
    const unknown = `${field}.${additionalProperty}`;
    return { code: 'invalid_field', message: `The schema of the input has no ${additionalProperty}.`, field: unknown };
  }
  const allowed = Array.isArray(allowedValues) ? `: ${JSON.stringify(allowedValues).slice(0, 500)}` : '';
  return { code: 'invalid_field_value', message: `${field} ${message ?? 'is not valid'}${allowed}.`, field };
}

/** `/orders/0/id` is `input.orders[0].id`. */
function fieldOf(instancePath: string): string {
  return instancePath
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((field, name) => (/^\d+$/.test(name) ? `${field}[${name}]` : `${field}.${name}`), 'input');
}
