import { isHostileKey, type JsonValue } from '#model';
import { every, parsePath } from './segments.js';

/** A container under construction. */
export type Draft = Record<string, unknown>;

export type Setter = (target: Draft, value: JsonValue) => void;

/**
 * Compiles a dotted `generate` path. Missing containers are created, arrays where an index follows; a held value that
 * cannot hold the next segment is replaced.
 *
 * @param options.shared the target's inner containers belong to somebody else: each one on the path is copied first
 * @returns null for a malformed path, one with `[*]`, an index above 100,000, or a segment that names a prototype
 */
export function compileSetter(path: string, options: { readonly shared: boolean }): Setter | null {
  const segments = parsePath(path);
  if (segments === null) return null;
  const names: string[] = [];
  for (const segment of segments) {
    if (segment === every || isHostileKey(segment) || (isIndex(segment) && Number(segment) > maxIndex)) return null;
    names.push(segment);
  }
  const last = names.pop();
  if (last === undefined) return null;
  if (names.length === 0) {
    return (target, value) => {
      if (canHold(target, last)) put(target, last, value);
    };
  }
  const first = names[0] as string;
  const follows = [...names.slice(1), last];
  return (target, value) => {
    if (!canHold(target, first)) return;
    let container: Draft = target;
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index] as string;
      const next = follows[index] as string;
      const held = Object.hasOwn(container, name) ? container[name] : undefined;
      const usable = canHold(held, next);
      if (usable && !options.shared) {
        container = held as Draft;
      } else {
        const created = usable ? copyOf(held) : isIndex(next) ? [] : {};
        put(container, name, created);
        container = created as Draft;
      }
    }
    put(container, last, value);
  };
}

/** A sparse array of a hostile index would be as large as memory once serialised. */
const maxIndex = 100_000;

function isIndex(segment: string): boolean {
  return /^(?:0|[1-9]\d*)$/.test(segment);
}

/** Objects hold any name; arrays hold indices only (`length` above all must not be set from outside). */
function canHold(value: unknown, name: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return !Array.isArray(value) || isIndex(name);
}

/** Gaps before a new element are null, as they are in JSON. */
function put(container: Draft, name: string, value: unknown): void {
  if (Array.isArray(container)) while (container.length < Number(name)) container.push(null);
  container[name] = value;
}

function copyOf(value: unknown): object {
  return Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) };
}
