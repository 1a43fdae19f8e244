import type { Export, JsonValue } from '#model';
import { compileExtract, own, type Getter } from './paths/index.js';

/** Names the group of a record: adjacent records with the same key become one. Null: the record stays by itself. */
export type GroupKey = (record: JsonValue) => string | null;

/**
 * Compiles the grouping of an export; undefined when it has none. Fields are columns by their literal name, else paths.
 * A record that has nothing in one of the fields is grouped only where `file.groupEmptyValues` says so.
 * Reference: runtime §7.2, resources §4.2, §4.5.
 */
export function compileGrouping(source: Export): GroupKey | undefined {
  if (source.skipGrouping === true) return undefined;
  const { file } = source;
  const fields = [file?.groupByFields, file?.csv?.keyColumns, source.groupByFields].find(
    (names) => names !== undefined && names.length > 0,
  );
  if (fields === undefined) return undefined;
  const readers = fields.map(compileField);
  const groupsEmpty = file?.groupEmptyValues === true;
  return (record) => {
    const values = readers.map((read) => read(record) ?? null);
    return !groupsEmpty && values.some(isEmpty) ? null : JSON.stringify(values.map((value) => value ?? ''));
  };
}

function compileField(name: string): Getter {
  const path = compileExtract(name);
  return (record) => own(record, name) ?? path?.(record);
}

function isEmpty(value: JsonValue): boolean {
  return value === null || value === '';
}

/** Groups adjacent records into bare arrays. */
export function groupAdjacent(records: readonly JsonValue[], keyOf: GroupKey): readonly JsonValue[] {
  const groups: JsonValue[][] = [];
  let open: string | null = null;
  for (const record of records) {
    const key = keyOf(record);
    if (key !== null && key === open) groups.at(-1)!.push(record);
    else groups.push([record]);
    open = key;
  }
  return groups;
}
