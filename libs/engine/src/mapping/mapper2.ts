import { isCopied, type JsonValue, type Mapping2, type MappingArrayHelper, type MappingField2 } from '#model';
import { toDefault } from './defaults.js';
import { compileLookup } from './lookups.js';
import type { ArrayPart, ArrayType, FieldPlan, FieldType, MappingOptions, ObjectPlan, ValueSource } from './plan.js';
import { MappingCompileError } from './plan.js';
import { checkTargetName, compileDate, compileMarkedSource, holdsFor } from './sources.js';

/** Plans Mapper 2.0 entries. Drafts are not executed. Reference: runtime §13. */
export function planMapper2(mappings: Mapping2, options: MappingOptions): ObjectPlan {
  return planEntries(mappings, '', options, 0);
}

/** Mappings nested deeper are refused: planning and generating are recursive. */
const maxDepth = 32;

function planEntries(entries: Mapping2, parent: string, options: MappingOptions, depth: number): ObjectPlan {
  if (depth > maxDepth)
    throw new MappingCompileError('invalid_value', `Mappings may be nested ${maxDepth} deep at most.`);
  const fields = entries
    .filter((entry) => entry.status !== 'Draft')
    .map((entry) => planEntry(entry, parent, options, depth))
    .filter((field) => field !== null);
  return { kind: 'fields', fields };
}

const arrayTypes: ReadonlySet<string> = new Set([
  'stringarray',
  'numberarray',
  'booleanarray',
  'objectarray',
  'arrayarray',
]);

function planEntry(entry: MappingField2, parent: string, options: MappingOptions, depth: number): FieldPlan | null {
  // A dotted name is one literal key (runtime §13).
  const name = entry.generate === undefined || entry.generate === '' ? undefined : checkTargetName(entry.generate);
  const label = [parent, name].filter((part) => part !== undefined && part !== '').join('.') || '(unnamed)';
  if (!holdsFor(entry.conditional?.when, label, options)) return null;
  const type = entry.dataType ?? 'string';
  const source = planSource(entry.hardCodedValue, entry.extract, label, options);
  const common = {
    ...(name === undefined ? {} : { generate: name }),
    label,
    type,
    keepEmpty: false,
    discardEmpty: false,
    onlyIfPresent: entry.conditional?.when === 'extract_not_empty',
    ...(entry.default === undefined ? {} : { fallback: toDefault(entry.default as JsonValue, type) }),
    ...(source === undefined ? {} : { source }),
    ...planConversions(entry, type, options),
  };
  if (isArrayType(type)) {
    const helpers: readonly MappingArrayHelper[] =
      entry.buildArrayHelper !== undefined && entry.buildArrayHelper.length > 0
        ? entry.buildArrayHelper
        : [{ extract: entry.extract, mappings: entry.mappings, copySource: entry.copySource }];
    const parts =
      entry.hardCodedValue === undefined
        ? helpers.map((helper) => planPart(helper, type, label, options, depth))
        : [{ source: source as ValueSource, onlyIfPresent: false, nullsArray: false }];
    return { ...common, parts: parts.filter((part) => part !== null) };
  }
  if (type === 'object' && !isCopied(entry) && entry.mappings !== undefined && entry.mappings.length > 0) {
    return { ...common, members: planEntries(entry.mappings, label, options, depth + 1) };
  }
  return common;
}

function isArrayType(type: string): type is ArrayType {
  return arrayTypes.has(type);
}

/** Lookup and date of a scalar, or of the elements of an array of scalars. */
function planConversions(
  entry: MappingField2,
  type: FieldType,
  options: MappingOptions,
): Pick<FieldPlan, 'lookup' | 'date'> {
  if (type === 'objectarray' || type === 'arrayarray') return {};
  const date = compileDate(entry);
  return {
    ...(entry.lookupName === undefined || entry.lookupName === ''
      ? {}
      : { lookup: compileLookup(entry.lookupName, options) }),
    ...(date === undefined ? {} : { date }),
  };
}

function planSource(
  hardCodedValue: unknown,
  extract: string | undefined,
  label: string,
  options: MappingOptions,
): ValueSource | undefined {
  if (hardCodedValue !== undefined) return { kind: 'constant', value: hardCodedValue as JsonValue };
  if (extract === undefined || extract === '') return undefined;
  return compileMarkedSource(extract, label, options) ?? { kind: 'constant', value: extract };
}

function planPart(
  helper: MappingArrayHelper,
  type: ArrayType,
  label: string,
  options: MappingOptions,
  depth: number,
): ArrayPart | null {
  const extract = helper.extract === '' ? undefined : helper.extract;
  const members =
    !isCopied(helper) && helper.mappings !== undefined && helper.mappings.length > 0
      ? planEntries(helper.mappings, label, options, depth + 1)
      : undefined;
  if (extract === undefined && members === undefined && helper.default === undefined) return null;
  const onlyIfPresent = helper.conditional?.when === 'extract_not_empty';
  if (extract !== undefined && isNulling(extract, type)) return { onlyIfPresent, nullsArray: true };
  const source = planSource(undefined, extract, label, options);
  return {
    ...(source === undefined ? {} : { source }),
    ...(members === undefined ? {} : { members }),
    ...(helper.default === undefined ? {} : { fallback: toDefault(helper.default as JsonValue, type) }),
    onlyIfPresent,
    nullsArray: false,
  };
}

/** Comma-joined paths, and for elements that are no scalars `$[0]`, at the level of a helper (runtime §13, observed). */
function isNulling(extract: string, type: ArrayType): boolean {
  if (/^\$[^'"?]*,\s*\$/.test(extract)) return true;
  return (type === 'objectarray' || type === 'arrayarray') && /^\$\[\d+\]$/.test(extract);
}
