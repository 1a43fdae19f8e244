export type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | readonly JsonValue[] | JsonRecord;
/** A JSON object. Members are `unknown`-safe: read them through narrowing. */
export interface JsonRecord {
  readonly [key: string]: JsonValue | undefined;
}

/** An object literal of JSON: not null, not an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names that reach an object's prototype; never used as keys or path segments of users' data. */
export function isHostileKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}
