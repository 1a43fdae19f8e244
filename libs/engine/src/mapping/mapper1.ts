import type { JsonValue, Mapping1, Mapping1Field, Mapping1List } from '#model';
import { every, isPlain, parsePath, type Segment } from '../paths/index.js';
import { MappingCompileError, type FieldPlan, type FieldType, type MappingOptions, type ValueSource } from './plan.js';
import { compileLookup } from './lookups.js';
import { FieldTree } from './field-tree.js';
import { compileBareSource, compileDate, compileMarkedSource, holdsFor } from './sources.js';

/** Plans Mapper 1.0: dotted targets, bare paths, lists. Reference: runtime §12. */
export function planMapper1(mapping: Mapping1, options: MappingOptions): FieldPlan[] {
  const tree = new FieldTree();
  for (const field of mapping.fields ?? []) {
    const plan = planField(field, [], options);
    if (plan !== null) tree.add(field.generate ?? '', plan);
  }
  for (const list of mapping.lists ?? []) tree.add(list.generate ?? '', planList(list, options));
  return tree.plan();
}

/** Types of the elements keep their arrays: a source that is no array becomes one of one element. */
const types: Readonly<Record<NonNullable<Mapping1Field['dataType']>, FieldType>> = {
  string: 'string',
  number: 'number',
  boolean: 'boolean',
  numberarray: 'numberarray',
  stringarray: 'stringarray',
  json: 'json',
};

/**
 * @param list source path of the list that the field is a column of
 * @returns null when the field does not apply to this operation
 */
function planField(field: Mapping1Field, list: readonly Segment[], options: MappingOptions): FieldPlan | null {
  const label = field.generate ?? '(unnamed)';
  const when = field.conditional?.when;
  if (field.immutable === true && !holdsFor('record_created', label, options)) return null;
  if (!holdsFor(when, label, options)) return null;
  if (when === 'lookup_not_empty' || when === 'lookup_empty' || when === 'ignore_if_set') {
    throw new MappingCompileError('not_supported', `The condition ${when} of field ${label} is not supported.`);
  }
  if (field.subRecordMapping !== undefined && Object.keys(field.subRecordMapping).length > 0) {
    throw new MappingCompileError('not_supported', `The sub-record mapping of field ${label} is not supported.`);
  }
  const source = planSource(field, list, label, options);
  const type = field.dataType === undefined ? 'any' : types[field.dataType];
  const date = compileDate(field);
  const isArray = type === 'numberarray' || type === 'stringarray';
  return {
    label,
    type,
    keepEmpty: field.discardIfEmpty !== true,
    onlyIfPresent: when === 'extract_not_empty',
    ...(field.default === undefined ? {} : { fallback: field.default as JsonValue }),
    ...(source === undefined ? {} : { source }),
    ...(isArray && source !== undefined ? { parts: [{ source, nullsArray: false }] } : {}),
    ...(field.lookupName === undefined || field.lookupName === ''
      ? {}
      : { lookup: compileLookup(field.lookupName, options) }),
    ...(date === undefined ? {} : { date }),
  };
}

function planSource(
  field: Mapping1Field,
  list: readonly Segment[],
  label: string,
  options: MappingOptions,
): ValueSource | undefined {
  if (field.hardCodedValue !== undefined) return { kind: 'constant', value: field.hardCodedValue as JsonValue };
  if (field.extract === undefined || field.extract === '') return undefined;
  const marked = compileMarkedSource(field.extract, label, options);
  if (marked !== null) return marked;
  const bare = compileBareSource(field.extract, label);
  if (list.length === 0 || bare.kind !== 'path') return bare;
  // Columns are relative to their list; one that repeats the list's path already starts at the record.
  return bare.segments.includes(every) ? bare : { kind: 'path', segments: [...list, ...bare.segments] };
}

function planList(list: Mapping1List, options: MappingOptions): FieldPlan {
  const label = list.generate ?? '(unnamed)';
  const fields = list.fields ?? [];
  const path = sourceOfList(list);
  if (path === null)
    throw new MappingCompileError('invalid_value', `The list ${label} does not say which array it reads.`);
  const columns = new FieldTree();
  for (const field of fields) {
    const plan = planField(field, path, options);
    if (plan !== null) columns.add(field.generate ?? '', plan);
  }
  return {
    label,
    type: 'objectarray',
    keepEmpty: false,
    onlyIfPresent: false,
    parts: [{ source: { kind: 'path', segments: path }, fields: columns.plan(), nullsArray: false }],
  };
}

/** `jsonPath`, else the part up to the last `[*]` of the list's or a column's extract. */
function sourceOfList(list: Mapping1List): readonly Segment[] | null {
  if (list.jsonPath !== undefined && list.jsonPath !== '') {
    const segments = parsePath(list.jsonPath.replace(/^\$\.?/, ''));
    if (segments === null) return null;
    return isPlain(segments) || segments.at(-1) !== every ? [...segments, every] : segments;
  }
  for (const extract of [list.extract, ...(list.fields ?? []).map((field) => field.extract)]) {
    const segments = extract === undefined || extract.includes('{{') ? null : parsePath(extract.replace(/^\$\.?/, ''));
    const last = segments?.lastIndexOf(every) ?? -1;
    if (segments !== null && last >= 0) return segments.slice(0, last + 1);
  }
  return null;
}
