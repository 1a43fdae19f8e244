import { ApiError } from '#failures';
import { tryOutCodes } from './codes.js';

/** Deeper bodies are refused: everything that walks a document afterwards may recurse. */
const maxDepth = 100;

/**
 * Parses a request body once. An empty body is no body.
 *
 * @throws ApiError 400 `invalid_json`
 */
export function parseJsonBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message.slice(0, 200) : 'it cannot be parsed';
    throw ApiError.of(tryOutCodes.invalid_json, `The body is not valid JSON: ${reason}`);
  }
  assertHarmless(value);
  return value;
}

/** Walks without recursion, so that no depth can exhaust the stack before it is measured. */
function assertHarmless(root: unknown): void {
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) {
      throw ApiError.of(tryOutCodes.invalid_json, `The body is nested more than ${maxDepth} levels deep.`);
    }
    const next: unknown[] = [];
    for (const node of level) {
      if (typeof node !== 'object' || node === null) continue;
      if (Object.hasOwn(node, '__proto__')) {
        throw ApiError.of(tryOutCodes.invalid_json, 'The body holds the forbidden member name __proto__.');
      }
      for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) next.push(child);
    }
    level = next;
  }
}
