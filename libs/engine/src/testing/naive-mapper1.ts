import type { JsonRecord, JsonValue, Lookup, Mapping1, Mapping1Field, Mapping1List } from '#model';
import { naiveConvert, naiveDefault, naiveElementType, naiveLookup, naiveTemplate } from './naive-fields.js';
import { isBlank, isObject, naiveComposites, naiveNames, naiveRead, naiveSet, type Composite } from './naive-paths.js';

/**
 * Mapper 1.0, interpreted the slow and obvious way from its reference (runtime §12): entries are applied one after another
 * to the target. What the generated code must agree with. Failures are thrown.
 */
export function naiveMapper1(
  mapping: Mapping1,
  record: JsonValue,
  lookups: readonly Lookup[] = [],
  operation: 'create' | 'update' = 'create',
): JsonValue {
  const mapper = new NaiveMapper1(lookups, operation);
  return mapper.object(mapping, { root: record, replaced: [] }, []) ?? {};
}

class NaiveMapper1 {
  constructor(
    private readonly lookups: readonly Lookup[],
    private readonly operation: 'create' | 'update',
  ) {}

  /** @param base names that relative extracts start behind */
  object(mapping: Mapping1, input: Composite, base: readonly string[]): JsonRecord | undefined {
    let target: JsonValue | undefined;
    for (const field of mapping.fields ?? []) {
      const names = naiveNames(field.generate ?? '');
      const isSet = !isEmpty(naiveRead(names, { root: target ?? null, replaced: [] }));
      if (!this.applies(field) || (field.conditional?.when === 'ignore_if_set' && isSet)) continue;
      const value = this.field(field, input, base);
      if (value !== undefined) target = naiveSet(names, target ?? {}, value);
    }
    for (const list of mapping.lists ?? []) {
      const value = this.list(list, input);
      if (value !== undefined) target = naiveSet(naiveNames(list.generate ?? ''), target ?? {}, value);
    }
    return isObject(target) ? target : undefined;
  }

  private applies(field: Mapping1Field): boolean {
    const when = field.conditional?.when;
    if (when === 'record_created' || field.immutable === true) {
      if (this.operation !== 'create') return false;
    }
    return when !== 'record_updated' || this.operation === 'update';
  }

  private field(field: Mapping1Field, input: Composite, base: readonly string[]): JsonValue | undefined {
    const subRecord = field.subRecordMapping as { jsonPath: string; mapping: Mapping1 } | undefined;
    if (subRecord !== undefined)
      return this.object(subRecord.mapping, input, [...base, ...naiveNames(subRecord.jsonPath)]);
    const source = this.source(field, input, base);
    if (!this.passes(field, source)) return undefined;
    const value = this.value(field, source);
    return field.discardIfEmpty === true && isEmpty(value) ? undefined : value;
  }

  private passes(field: Mapping1Field, source: JsonValue | undefined): boolean {
    const when = field.conditional?.when;
    if (when !== 'lookup_empty' && when !== 'lookup_not_empty') return true;
    const name = field.conditional?.lookupName ?? field.lookupName ?? '';
    let found = false;
    if (!isBlank(source)) {
      try {
        const lookup = { ...this.lookups.find((one) => one.name === name), name, allowFailures: false };
        naiveLookup(name, source, [lookup]);
        found = true;
      } catch {
        found = false;
      }
    }
    return found === (when === 'lookup_not_empty');
  }

  private value(field: Mapping1Field, source: JsonValue | undefined): JsonValue | undefined {
    const type = field.dataType ?? 'any';
    const isConditional = field.conditional?.when === 'extract_not_empty';
    const fallback =
      field.default === undefined || isConditional ? undefined : naiveDefault(field.default as JsonValue, type);
    if (type.endsWith('array')) {
      if (isBlank(source) || (Array.isArray(source) && source.length === 0)) {
        return fallback ?? (fallback === null ? null : Array.isArray(source) ? [] : undefined);
      }
      const elements = Array.isArray(source) ? (source as JsonValue[]) : [source];
      return elements.map((element) =>
        element === null ? null : naiveConvert(field, naiveElementType(type), element, this.lookups),
      );
    }
    if (!isBlank(source)) return naiveConvert(field, type, source, this.lookups);
    if (isConditional) return undefined;
    return field.default === undefined ? source : fallback;
  }

  private source(field: Mapping1Field, input: Composite, base: readonly string[]): JsonValue | undefined {
    if (field.hardCodedValue !== undefined) return field.hardCodedValue as JsonValue;
    const { extract } = field;
    if (extract === undefined || extract === '') return undefined;
    if (extract.includes('{{')) return naiveTemplate(extract, { root: input.root, replaced: [] });
    const names = naiveNames(extract);
    return naiveRead(extract.startsWith('$') || names.includes('*') ? names : [...base, ...names], input);
  }

  private list(list: Mapping1List, input: Composite): JsonValue[] | undefined {
    const isRelative = list.jsonPath !== undefined;
    const source = isRelative
      ? naiveNames(list.jsonPath ?? '')
      : [list.extract, ...(list.fields ?? []).map((field) => field.extract)]
          .filter((extract) => extract !== undefined && !extract.includes('{{'))
          .map((extract) => naiveNames(extract ?? ''))
          .find((names) => names.includes('*'));
    const last = source?.lastIndexOf('*') ?? -1;
    const path = isRelative ? [...(source ?? [])] : (source ?? []).slice(0, last + 1);
    if (path.at(-1) !== '*') path.push('*');
    const elements = naiveComposites(path, input).map((composite) =>
      this.object({ fields: list.fields ?? [] }, composite, isRelative ? path.filter((name) => name !== '*') : []),
    );
    const first = naiveRead(path.slice(0, path.indexOf('*')), input);
    const built = elements.filter((element) => element !== undefined);
    return built.length > 0 || Array.isArray(first) ? built : undefined;
  }
}

function isEmpty(value: JsonValue | undefined): boolean {
  return isBlank(value) || (Array.isArray(value) && value.length === 0);
}
