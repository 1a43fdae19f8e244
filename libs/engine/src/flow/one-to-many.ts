import type { Failure, FailureSource } from '#failures';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import { engineCodes } from '../codes.js';
import {
  compileSegments,
  compileSetter,
  isPlain,
  parsePath,
  type Draft,
  type Getter,
  type Setter,
} from '../paths/index.js';

/** Splits a record into its children and joins them back. Reference: runtime §9.1. */
export interface FanOut {
  /** No array at the path means no children, which is no failure. */
  readonly split: (record: JsonValue) => readonly JsonValue[] | Failure;
  /** A new record with the children, as they are now, in place of the array. */
  readonly join: (record: JsonValue, children: readonly JsonValue[]) => JsonValue;
  /** A record of one child only, for its retry. */
  readonly only: (record: JsonValue, child: number) => JsonValue;
}

/** @returns null when the path is malformed */
export function compileFanOut(pathToMany: string | undefined, source: FailureSource): FanOut | null {
  if (pathToMany === undefined || pathToMany === '') return rows(source);
  const names = parsePath(pathToMany);
  const set = compileSetter(pathToMany, { shared: true });
  if (names === null || set === null || !isPlain(names)) return null;
  return children(compileSegments(names), set, names);
}

/** Array records: each element is a record of its own, without `_PARENT`. */
function rows(source: FailureSource): FanOut {
  return {
    split: (record) =>
      Array.isArray(record)
        ? (record as readonly JsonValue[])
        : {
            code: engineCodes.oneToMany_error.code,
            message:
              'Failed to extract child records from oneToMany import data. Record at index 0 was not an array, and no PathToMany was provided',
            source,
          },
    join: (_, elements) => elements,
    only: (record, child) => [(record as readonly JsonValue[])[child] ?? null],
  };
}

function children(get: Getter, set: Setter, names: readonly string[]): FanOut {
  const elements = (record: JsonValue): readonly JsonValue[] => {
    const found = get(record);
    return Array.isArray(found) ? (found as readonly JsonValue[]) : [];
  };
  const replaced = (record: JsonValue, value: JsonValue): JsonValue => {
    const copy = { ...(record as JsonRecord) } as unknown as Draft;
    set(copy, value);
    return copy as unknown as JsonValue;
  };
  return {
    split: (record) => {
      const found = elements(record);
      if (found.length === 0) return found;
      const parent = without(record, names);
      return found.map((child) =>
        isRecord(child) ? { ...child, _PARENT: parent } : { value: child, _PARENT: parent },
      );
    },
    join: (record, joined) => {
      const found = elements(record);
      if (found.length === 0) return record;
      const back = found.map((child, index) => (isRecord(child) ? withoutParent(joined[index] as JsonRecord) : child));
      return replaced(record, back);
    },
    only: (record, child) => replaced(record, [elements(record)[child] ?? null]),
  };
}

/** A copy of the record that lacks what stands at the path. */
function without(value: JsonValue, names: readonly string[]): JsonValue {
  const [name, ...rest] = names;
  if (name === undefined || !isRecord(value)) return value;
  const copy = { ...value } as Record<string, JsonValue>;
  const held = copy[name];
  if (rest.length === 0) delete copy[name];
  else if (held !== undefined) copy[name] = without(held, rest);
  return copy;
}

function withoutParent(child: JsonRecord): JsonValue {
  const copy: Record<string, JsonValue | undefined> = { ...child };
  delete copy._PARENT;
  return copy;
}
