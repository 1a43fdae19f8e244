/** A literal, with `standard_conforming_strings` on. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** One identifier, whatever is in it; nothing inside can end it. */
export function quoteColumn(name: string): string {
  return `"${name.replaceAll('\0', '').replaceAll('"', '""')}"`;
}

/**
 * A table name as people write it: `table`, `schema.table`, each part plain or in double quotes. Plain parts are folded to
 * lower case, as PostgreSQL does.
 *
 * @returns null when it is no name
 */
export function quoteTable(name: string): string | null {
  const parts = [...name.trim().matchAll(/(?:^|\.)(?:"((?:[^"]|"")+)"|([^".\s]+))/gy)];
  const length = parts.reduce((sum, part) => sum + part[0].length, 0);
  if (parts.length === 0 || parts.length > 3 || length !== name.trim().length) return null;
  return parts
    .map(([, quoted, plain]) =>
      quoteColumn(quoted === undefined ? (plain ?? '').toLowerCase() : quoted.replaceAll('""', '"')),
    )
    .join('.');
}
