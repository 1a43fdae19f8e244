import type { JsonValue } from '#model';
import { own } from '../paths/index.js';

/** How templates read members: own ones only, and the length of texts (handlebars §1). Prototypes are out of reach (P7). */

const inherited: ReadonlySet<string> = new Set(
  [Object, Array, String, Number, Boolean].flatMap((constructor) =>
    Object.getOwnPropertyNames(constructor.prototype as object),
  ),
);

export function member(value: unknown, name: string): JsonValue | undefined {
  return name === 'length' && typeof value === 'string' ? value.length : own(value, name);
}

/**
 * Code that reads members one after the other, missing where one is missing. Plain access is five times faster than a
 * call, and safe for names that no prototype of JSON data has; digits would read characters of a text.
 *
 * @param base an expression
 * @param names reach the code as JSON literals only
 * @param memberCall name of {@link member} in the code
 */
export function memberCode(base: string, names: readonly string[], memberCall: string): string {
  return names.reduce((code, name) => {
    const literal = JSON.stringify(name);
    const isPlain = !inherited.has(name) && !/^\d+$/.test(name);
    return isPlain ? `${code}?.[${literal}]` : `${memberCall}(${code}, ${literal})`;
  }, base);
}

/** The first missing name of a path, for the message. */
export function firstMissing(base: unknown, names: readonly string[]): string {
  let value = base;
  for (const name of names) {
    value = member(value, name);
    if (value === undefined) return name;
  }
  return names.at(-1) ?? 'this';
}
