import { isPlain, own, parsePath } from '../../paths/index.js';
import { text } from './arguments.js';

type Names = readonly string[];

/** Paths that helpers are given as text are few and repeat for every record, so the last ones are kept. */
const known = new Map<string, Names | null>();
const maxKnown = 500;
const maxKeptLength = 200;

/**
 * Reads a path that only the run knows. Other than paths of templates it is not compiled to code: that takes longer than to
 * walk it once.
 *
 * @returns undefined for what is missing, and for a path that is malformed or has a `*`
 */
export function readDynamicPath(value: unknown, path: unknown): unknown {
  const names = namesOf(text(path));
  if (names === null) return undefined;
  let current = value;
  for (const name of names) current = own(current, name);
  return current;
}

function namesOf(path: string): Names | null {
  let names = known.get(path);
  if (names === undefined) {
    const segments = parsePath(path);
    names = segments !== null && isPlain(segments) ? segments : null;
    if (path.length <= maxKeptLength) {
      if (known.size >= maxKnown) known.clear();
      known.set(path, names);
    }
  }
  return names;
}
