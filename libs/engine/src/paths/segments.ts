/** Every element of an array: `[*]` or a segment `*`. */
export const every: unique symbol = Symbol('every element');

/** A member name, an array index as text, or every element. */
export type Segment = string | typeof every;

/** A longer path is no path: compilers recurse over it. */
const maxSegments = 256;

/**
 * Parses a path in any of the notations of extracts: `a.b`, `a[0].b`, `a.0.b`, `a.[Field Name].b`, `a['b.c']`, `a[*].b`,
 * `*.b`. Reference: runtime §11, §15.
 *
 * @returns null when a bracket or quote is not closed, a segment is empty, or there are more than 256
 */
export function parsePath(path: string): readonly Segment[] | null {
  const segments: Segment[] = [];
  let at = 0;
  let expectsName = true;
  while (at < path.length) {
    if (segments.length >= maxSegments) return null;
    const char = path[at];
    if (char === '.') {
      if (expectsName) return null;
      expectsName = true;
      at += 1;
      continue;
    }
    if (char === '[') {
      const bracket = parseBracket(path, at);
      if (bracket === null) return null;
      segments.push(bracket.segment);
      at = bracket.end;
      expectsName = false;
      continue;
    }
    if (!expectsName) return null;
    let end = at;
    while (end < path.length && path[end] !== '.' && path[end] !== '[') end += 1;
    const name = path.slice(at, end);
    segments.push(name === '*' ? every : name);
    at = end;
    expectsName = false;
  }
  return expectsName ? null : segments;
}

function parseBracket(path: string, open: number): { segment: Segment; end: number } | null {
  const quote = path[open + 1];
  if (quote === "'" || quote === '"') {
    let name = '';
    for (let at = open + 2; at < path.length; at += 1) {
      const char = path[at];
      if (char === '\\' && at + 1 < path.length) {
        at += 1;
        name += path[at];
      } else if (char === quote) {
        return path[at + 1] === ']' ? { segment: name, end: at + 2 } : null;
      } else {
        name += char;
      }
    }
    return null;
  }
  const close = path.indexOf(']', open);
  if (close < 0 || close === open + 1) return null;
  const name = path.slice(open + 1, close);
  return { segment: name === '*' ? every : name, end: close + 1 };
}

/** True when no segment stands for several elements. */
export function isPlain(segments: readonly Segment[]): segments is readonly string[] {
  return !segments.includes(every);
}
