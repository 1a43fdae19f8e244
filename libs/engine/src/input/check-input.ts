import type { Flow, Issue, JsonRecord } from '#model';
import { compileInputSchema, maxInputBytes, type CheckInput } from './input-schema.js';
import { SchemaError } from './schema-bounds.js';

const maxKept = 100;
/** by text of the schema, the one used longest ago first */
const kept = new Map<string, CheckInput>();

function checkOf(schema: JsonRecord): CheckInput {
  const text = JSON.stringify(schema);
  const check = kept.get(text) ?? compileInputSchema(schema);
  kept.delete(text);
  kept.set(text, check);
  if (kept.size > maxKept) kept.delete(kept.keys().next().value as string);
  return check;
}

/**
 * Why a run must not start with an input. A run without one, as schedules and chains start it, is checked as `{}`: it
 * starts if the schema demands nothing.
 */
export function checkInput(
  { inputSchema }: Pick<Flow, 'inputSchema'>,
  input: JsonRecord | undefined,
): readonly Issue[] {
  const bytes = input === undefined ? 0 : new TextEncoder().encode(JSON.stringify(input)).byteLength;
  if (bytes > maxInputBytes) {
    const message = `The input has ${bytes} bytes; it may have ${maxInputBytes} at most.`;
    return [{ code: 'max', message, field: 'input' }];
  }
  return inputSchema === undefined || inputSchema === null ? [] : checkOf(inputSchema)(input ?? {});
}

/** Why a flow cannot have a schema. */
export function inputSchemaIssues(schema: JsonRecord): readonly Issue[] {
  try {
    checkOf(schema);
    return [];
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    return [{ code: 'invalid_field_value', message: error.message.slice(0, 1_000), field: 'inputSchema' }];
  }
}
