import { lookup, mapping1, type JsonValue, type Mapping1, type Mapping1Field, type Mapping1List } from '#model';
import { every, isPlain, parsePath, type Segment } from '../paths/index.js';
import { toDefault } from './defaults.js';
import { FieldTree } from './field-tree.js';
import { compileLookup } from './lookups.js';
import {
  MappingCompileError,
  type FieldPlan,
  type FieldType,
  type MappingOptions,
  type ObjectPlan,
  type ValueSource,
} from './plan.js';
import { compileBareSource, compileDate, compileMarkedSource, holdsFor } from './sources.js';

/** Plans Mapper 1.0: dotted targets, bare paths, lists. Reference: runtime §12. */
export function planMapper1(mapping: Mapping1, options: MappingOptions): ObjectPlan {
  return planFields(mapping, [], options);
}

/** @param base where bare extracts start: the path of the list or sub-record that the fields stand in */
function planFields(mapping: Mapping1, base: readonly Segment[], options: MappingOptions): ObjectPlan {
  const tree = new FieldTree();
  for (const field of mapping.fields ?? []) addField(tree, field, base, options);
  for (const list of mapping.lists ?? []) tree.add(list.generate ?? '', planList(list, base, options));
  return tree.plan();
}

function addField(tree: FieldTree, field: Mapping1Field, base: readonly Segment[], options: MappingOptions): void {
  const label = field.generate ?? '(unnamed)';
  const when = field.conditional?.when;
  if (field.immutable === true && !holdsFor('record_created', label, options)) return;
  if (!holdsFor(when, label, options)) return;
  tree.add(field.generate ?? '', planField(field, label, base, options), when === 'ignore_if_set');
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

function planField(field: Mapping1Field, label: string, base: readonly Segment[], options: MappingOptions): FieldPlan {
  const common = {
    label,
    keepEmpty: field.discardIfEmpty !== true,
    discardEmpty: field.discardIfEmpty === true,
    onlyIfPresent: field.conditional?.when === 'extract_not_empty',
  };
  const subRecord = field.subRecordMapping;
  if (subRecord !== undefined && Object.keys(subRecord).length > 0) {
    return { ...common, type: 'object', members: planSubRecord(subRecord, label, base, options) };
  }
  const type = field.dataType === undefined ? 'any' : types[field.dataType];
  const source = planSource(field, base, label, options);
  const date = compileDate(field);
  const isArray = type === 'numberarray' || type === 'stringarray';
  return {
    ...common,
    ...planCondition(field, label, options),
    type,
    ...(field.default === undefined ? {} : { fallback: toDefault(field.default as JsonValue, type) }),
    ...(source === undefined ? {} : { source }),
    ...(isArray && source !== undefined ? { parts: [{ source, onlyIfPresent: false, nullsArray: false }] } : {}),
    ...(isNamed(field.lookupName) ? { lookup: compileLookup(field.lookupName, options) } : {}),
    ...(date === undefined ? {} : { date }),
  };
}

function isNamed(name: string | undefined): name is string {
  return name !== undefined && name !== '';
}

/** Conditions on a lookup name one, or mean the field's own. */
function planCondition(field: Mapping1Field, label: string, options: MappingOptions): Pick<FieldPlan, 'onlyIfLookup'> {
  const when = field.conditional?.when;
  if (when !== 'lookup_not_empty' && when !== 'lookup_empty') return {};
  const name = isNamed(field.conditional?.lookupName) ? field.conditional.lookupName : field.lookupName;
  if (!isNamed(name))
    throw new MappingCompileError('invalid_value', `The condition ${when} of field ${label} names no lookup.`);
  return { onlyIfLookup: { lookup: compileLookup(name, options), finds: when === 'lookup_not_empty' } };
}

function planSource(
  field: Mapping1Field,
  base: readonly Segment[],
  label: string,
  options: MappingOptions,
): ValueSource | undefined {
  if (field.hardCodedValue !== undefined) return { kind: 'constant', value: field.hardCodedValue as JsonValue };
  if (field.extract === undefined || field.extract === '') return undefined;
  const marked = compileMarkedSource(field.extract, label, options);
  if (marked !== null) return marked;
  const bare = compileBareSource(field.extract, label);
  if (base.length === 0 || bare.kind !== 'path') return bare;
  // Columns are relative to their list; one that repeats the list's path already starts at the record.
  return bare.segments.includes(every) ? bare : { kind: 'path', segments: [...base, ...bare.segments] };
}

/** An object of its own, mapped from what stands at `jsonPath` (`$`: from where the field stands). */
function planSubRecord(
  subRecord: Record<string, unknown>,
  label: string,
  base: readonly Segment[],
  options: MappingOptions,
): ObjectPlan {
  const { jsonPath } = subRecord;
  const path = typeof jsonPath === 'string' ? jsonPath.replace(/^\$\.?/, '') : '';
  const segments = path === '' ? [] : parsePath(path);
  const mapping = mapping1().safeParse(subRecord['mapping']);
  const lookups = lookup().array().default([]).safeParse(subRecord['lookups']);
  if (!mapping.success || !lookups.success || segments === null)
    throw new MappingCompileError('invalid_value', `The sub-record of field ${label} is malformed.`);
  if (!isPlain(segments))
    throw new MappingCompileError('not_supported', `The sub-record of field ${label} must not read a list.`);
  const own = { ...options, lookups: [...lookups.data, ...options.lookups] };
  return planFields(mapping.data, [...base, ...segments], own);
}

function planList(list: Mapping1List, outer: readonly Segment[], options: MappingOptions): FieldPlan {
  const label = list.generate ?? '(unnamed)';
  const source = sourceOfList(list);
  if (source === null)
    throw new MappingCompileError('invalid_value', `The list ${label} does not say which array it reads.`);
  const path = source.isRelative ? [...outer, ...source.path] : source.path;
  const columns = new FieldTree();
  for (const field of list.fields ?? []) addField(columns, field, source.isRelative ? path : [], options);
  return {
    label,
    type: 'objectarray',
    keepEmpty: false,
    discardEmpty: false,
    onlyIfPresent: false,
    parts: [
      { source: { kind: 'path', segments: path }, members: columns.plan(), onlyIfPresent: false, nullsArray: false },
    ],
  };
}

interface ListSource {
  /** Ends with `[*]`. */
  readonly path: readonly Segment[];
  /** Whether columns are relative to the elements, as with `jsonPath`; otherwise they start at the record. */
  readonly isRelative: boolean;
}

/** `jsonPath`, else the part up to the last `[*]` of the list's or a column's extract. */
function sourceOfList(list: Mapping1List): ListSource | null {
  if (list.jsonPath !== undefined && list.jsonPath !== '') {
    const path = list.jsonPath.replace(/^\$\.?/, '');
    const segments = path === '' ? [] : parsePath(path);
    if (segments === null) return null;
    return { path: segments.at(-1) === every ? segments : [...segments, every], isRelative: true };
  }
  for (const extract of [list.extract, ...(list.fields ?? []).map((field) => field.extract)]) {
    const segments = extract === undefined || extract.includes('{{') ? null : parsePath(extract.replace(/^\$\.?/, ''));
    const last = segments?.lastIndexOf(every) ?? -1;
    if (segments !== null && last >= 0) return { path: segments.slice(0, last + 1), isRelative: false };
  }
  return null;
}
