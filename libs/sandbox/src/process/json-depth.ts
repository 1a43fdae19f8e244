const quote = 34;
const backslash = 92;
const openBracket = 91;
const closeBracket = 93;
const openBrace = 123;
const closeBrace = 125;

/**
 * How deep arrays and objects are nested in a JSON text; the text itself is not checked.
 *
 * @param enough the search ends when the depth exceeds it
 */
export function depthOf(json: string, enough: number): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    if (code === quote) {
      at = endOfString(json, at);
      if (at === -1) return deepest;
    } else if (code === openBracket || code === openBrace) {
      depth += 1;
      if (depth > deepest) deepest = depth;
      if (depth > enough) return deepest;
    } else if (code === closeBracket || code === closeBrace) depth -= 1;
  }
  return deepest;
}

/** @returns index of the closing quote; -1 when there is none */
function endOfString(json: string, start: number): number {
  let end = start;
  do {
    end = json.indexOf('"', end + 1);
  } while (end !== -1 && isEscaped(json, end));
  return end;
}

function isEscaped(json: string, at: number): boolean {
  let before = at - 1;
  while (json.charCodeAt(before) === backslash) before -= 1;
  return (at - before) % 2 === 0;
}
