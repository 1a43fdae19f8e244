import { asText } from '../as-text.js';
import { compileConfiguredPath } from '../configured-path.js';

/** Success and failure rules over a parsed answer. Reference: runtime §6.2, §9.3. */
export interface BodyRules {
  readonly successPath?: string | null;
  readonly successValues?: readonly string[] | null;
  readonly failPath?: string | null;
  readonly failValues?: readonly string[] | null;
  readonly errorPath?: string | null;
  readonly allowArrayforSuccessPath?: boolean;
}

/** @returns why the answer is a failure, or null when it is none */
export type BodyCheck = (body: unknown) => string | null;

/**
 * Compiles success and failure rules; null when there are none, so that answers need not even be parsed.
 *
 * @param order imports look at the success path first, exports at the failure path
 */
export function compileBodyRules(
  rules: BodyRules,
  order: 'success_first' | 'fail_first',
  field: string,
): BodyCheck | null {
  const success = compileSuccess(rules, field);
  const fail = compileFail(rules, field);
  if (success === null) return fail;
  if (fail === null) return success;
  const [first, second] = order === 'success_first' ? [success, fail] : [fail, success];
  return (body) => first(body) ?? second(body);
}

function compileSuccess(rules: BodyRules, field: string): BodyCheck | null {
  const path = rules.successPath;
  if (!path) return null;
  const get = compileConfiguredPath(path, `${field}.successPath`);
  const values = rules.successValues;
  if (!values || values.length === 0) {
    return (body) =>
      get(body) === undefined ? `Unable to extract paths from response body using path: ${path}` : null;
  }
  const expected = new Set(values);
  return (body) => {
    const value = get(body);
    if (value === undefined) return `Unable to extract paths from response body using path: ${path}`;
    if (expected.has(asText(value))) return null;
    if (
      rules.allowArrayforSuccessPath &&
      Array.isArray(value) &&
      value.some((element) => expected.has(asText(element)))
    ) {
      return null;
    }
    return `The success path ${path} holds the unexpected value ${cut(asText(value))}.`;
  };
}

function compileFail(rules: BodyRules, field: string): BodyCheck | null {
  const path = rules.failPath;
  if (!path) return null;
  const get = compileConfiguredPath(path, `${field}.failPath`);
  const values = rules.failValues;
  if (!values || values.length === 0) {
    return (body) => (isEmpty(get(body)) ? null : `The fail path ${path} holds a value.`);
  }
  const failing = new Set(values);
  return (body) => {
    const value = get(body);
    if (value === undefined) return null;
    const found = Array.isArray(value) ? value.find((element) => failing.has(asText(element))) : value;
    return found !== undefined && failing.has(asText(found))
      ? `The fail path ${path} holds ${cut(asText(found))}.`
      : null;
  };
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  return Array.isArray(value) && value.length === 0;
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
