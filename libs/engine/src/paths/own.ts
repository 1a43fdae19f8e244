import type { JsonValue } from '#model';

/** Reads a member only when it is the value's own: prototypes are unreachable, whatever the key. Arrays take indices as text. */
export function own(value: unknown, key: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, JsonValue | undefined>)[key];
}

const nothing: Readonly<Record<string, JsonValue | undefined>> = Object.freeze({});

/** The value as something whose members can be read; anything that is no object reads as an empty one. */
export function readable(value: unknown): Readonly<Record<string, JsonValue | undefined>> {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, JsonValue | undefined>>)
    : nothing;
}

const inherited: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  ...Object.getOwnPropertyNames(Array.prototype),
]);

/** Whether plain member access could reach a prototype of JSON data. Such keys always go through {@link own}. */
export function isInheritedName(key: string): boolean {
  return inherited.has(key);
}

/** Sets a member of an object under construction: `__proto__` becomes an ordinary one, as JSON.parse makes it. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}
