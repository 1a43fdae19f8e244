/**
 * Target of a `Link` header with a relation (RFC 8288). Relations are compared as they are written. Reference: runtime §5.
 *
 * @returns the URI reference between the angle brackets, or null
 */
export function linkTarget(header: string | readonly string[] | undefined, relation: string): string | null {
  if (header === undefined) return null;
  const text = typeof header === 'string' ? header : header.join(', ');
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('<', at);
    const close = open < 0 ? -1 : text.indexOf('>', open);
    if (close < 0) return null;
    const end = endOfParameters(text, close + 1);
    if (relationsOf(text.slice(close + 1, end)).includes(relation)) return text.slice(open + 1, close).trim();
    at = end + 1;
  }
  return null;
}

/** The comma that ends a link's parameters; commas inside quotes do not. */
function endOfParameters(text: string, from: number): number {
  let quoted = false;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\' && quoted) at += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === ',' && !quoted) return at;
  }
  return text.length;
}

function relationsOf(parameters: string): readonly string[] {
  const match = /(?:^|;)\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters);
  return (match?.[1] ?? match?.[2] ?? '').split(/\s+/);
}
