/**
 * PostgreSQL's `text` holds neither U+0000 nor half surrogate pairs. Users' data may hold both, and a row that cannot be
 * written would stop everything behind it, so they become U+FFFD in columns for people and filters. Columns that must
 * give data back as it was are of type `json` and written as JSON text, whose escapes pass unharmed.
 */
export function storableText(value: string): string {
  const wellFormed = value.isWellFormed() ? value : value.toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\uFFFD') : wellFormed;
}

/** A JSON value whose texts and keys can be written to `jsonb`; the value itself when nothing has to change. */
export function storableJson<T>(value: T): T {
  const text = JSON.stringify(value);
  // JSON.stringify escapes exactly what is unstorable (and text that looks like such an escape, which costs a walk).
  if (text === undefined || !/\\u(?:0000|d[89a-f])/.test(text)) return value;
  return JSON.parse(text, (_key, part: unknown) => {
    if (typeof part === 'string') return storableText(part);
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([key, member]) => [storableText(key), member]));
  }) as T;
}
