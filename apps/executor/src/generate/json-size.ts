import type { JsonRecord, JsonValue } from '#model';

/**
 * An upper bound of a value's size as JSON text in UTF-8, for ordinary text; several times cheaper than serialising.
 * Text made of control characters can exceed it; whoever relies on it checks the real size when that is known.
 */
export function roughJsonBytes(value: JsonValue | undefined): number {
  switch (typeof value) {
    case 'string':
      return 2 * value.length + 2;
    case 'number':
      return 24;
    case 'object': {
      if (value === null) return 4;
      let bytes = 2;
      if (Array.isArray(value)) {
        for (const element of value as readonly JsonValue[]) bytes += roughJsonBytes(element) + 1;
        return bytes;
      }
      const record = value as JsonRecord;
      for (const key of Object.keys(record)) bytes += 2 * key.length + 4 + roughJsonBytes(record[key]);
      return bytes;
    }
    default:
      return 5;
  }
}

export function exactJsonBytes(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value));
}
