import { isRecord } from '#model';

/**
 * Whether the events themselves made it fail, so that trying again is in vain: the database refuses their data (SQLSTATE
 * classes 21 cardinality, 22 data, 23 integrity, 54 limits), or the program trips over their shape. Everything else
 * (the database is away, a deadlock, another owner) passes.
 */
export function isFaultOfEvents(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) return true;
  const code: unknown = isRecord(error) ? error['code'] : undefined;
  return typeof code === 'string' && /^(?:2[123]|54)[0-9A-Z]{3}$/.test(code);
}
