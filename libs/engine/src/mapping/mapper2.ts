import type { JsonValue, Mapping2, MappingArrayHelper, MappingField2 } from '#model';
import { compileLookup } from './lookups.js';
import type { ArrayPart, ArrayType, FieldPlan, MappingOptions, ValueSource } from './plan.js';
import { MappingCompileError } from './plan.js';
import { checkTargetName, compileDate, compileMarkedSource, holdsFor } from './sources.js';

/** Plans Mapper 2.0 entries. Drafts are not executed. Reference: runtime §13. */
export function planMapper2(mappings: Mapping2, options: MappingOptions): FieldPlan[] {
  return planEntries(mappings, '', options, 0);
}

/** Mappings nested deeper are refused: planning and generating are recursive. */
const maxDepth = 32;

function planEntries(entries: Mapping2, parent: string, options: MappingOptions, depth: number): FieldPlan[] {
  if (depth > maxDepth)
    throw new MappingCompileError('invalid_value', `Mappings may be nested ${maxDepth} deep at most.`);
  return entries
    .filter((entry) => entry.status !== 'Draft')
    .map((entry) => planEntry(entry, parent, options, depth))
    .filter((field) => field !== null);
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
    onlyIfPresent: entry.conditional?.when === 'extract_not_empty',
    ...(entry.default === undefined ? {} : { fallback: entry.default as JsonValue }),
    ...(source === undefined ? {} : { source }),
  };
  if (arrayTypes.has(type)) {
    const helpers: readonly MappingArrayHelper[] =
      entry.buildArrayHelper !== undefined && entry.buildArrayHelper.length > 0
        ? entry.buildArrayHelper
        : [{ extract: entry.extract, mappings: entry.mappings }];
    const parts =
      entry.hardCodedValue === undefined
        ? helpers.map((helper) => planPart(helper, type as ArrayType, label, options, depth))
        : [{ source: source as ValueSource, nullsArray: false }];
    return { ...common, parts: parts.filter((part) => part !== null) };
  }
  if (type === 'object' && entry.mappings !== undefined && entry.mappings.length > 0) {
    return { ...common, fields: planEntries(entry.mappings, label, options, depth + 1) };
  }
  const date = compileDate(entry);
  return {
    ...common,
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
  const fields =
    helper.mappings !== undefined && helper.mappings.length > 0
      ? planEntries(helper.mappings, label, options, depth + 1)
      : undefined;
  if (extract === undefined && fields === undefined) return null;
  return {
    ...(extract === undefined ? {} : { source: planSource(undefined, extract, label, options) as ValueSource }),
    ...(fields === undefined ? {} : { fields }),
    ...(helper.default === undefined ? {} : { fallback: helper.default as JsonValue }),
    nullsArray:
      extract !== undefined &&
      type !== 'stringarray' &&
      type !== 'numberarray' &&
      type !== 'booleanarray' &&
      isNulling(extract),
  };
}

/** `$[0]` and comma-joined paths at the level of a helper (runtime §13, observed). */
function isNulling(extract: string): boolean {
  return /^\$\[\d+\]$/.test(extract) || /^\$[^'"?]*,\s*\$/.test(extract);
}
