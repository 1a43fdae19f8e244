import type { JsonRecord, JsonValue, Lookup, Mapping2, MappingArrayHelper, MappingField2 } from '#model';
import { naiveConvert, naiveDefault, naiveElementType, naiveTemplate } from './naive-fields.js';
import { isBlank, naiveComposites, naiveNames, naiveRead, type Composite } from './naive-paths.js';

/**
 * Mapper 2.0, interpreted the slow and obvious way from its reference (runtime §13): composite objects are really built.
 * What the generated code must agree with. Failures are thrown.
 *
 * @param input the record, or the envelope around it
 * @param recordAt where templates find the record in the input: nothing, or `record` of an envelope
 */
export function naiveMapper2(
  mappings: Mapping2,
  input: JsonValue,
  lookups: readonly Lookup[] = [],
  recordAt: readonly string[] = [],
): JsonValue {
  const mapper = new NaiveMapper2(lookups, recordAt);
  const active = mappings.filter((entry) => entry.status !== 'Draft');
  const root = { root: input, replaced: [] };
  const [only] = active;
  // A grouped output: one array without a name is the record.
  if (only !== undefined && active.length === 1 && only.generate === undefined) return mapper.field(only, root) ?? null;
  return mapper.object(mappings, root) ?? {};
}

class NaiveMapper2 {
  constructor(
    private readonly lookups: readonly Lookup[],
    private readonly recordAt: readonly string[],
  ) {}

  object(mappings: Mapping2, input: Composite): JsonRecord | undefined {
    const result: Record<string, JsonValue> = {};
    for (const entry of mappings) {
      if (entry.status === 'Draft') continue;
      const value = this.field(entry, input);
      if (value !== undefined) result[entry.generate ?? ''] = value;
    }
    return Object.keys(result).length === 0 ? undefined : result;
  }

  field(entry: MappingField2, input: Composite): JsonValue | undefined {
    const type = entry.dataType ?? 'string';
    const fallback = entry.default === undefined ? undefined : naiveDefault(entry.default as JsonValue, type);
    const isConditional = entry.conditional?.when === 'extract_not_empty';
    if (type.endsWith('array')) {
      const built = this.array(entry, type, input);
      const isEmpty = built === undefined || (built !== null && built.length === 0);
      return isEmpty && fallback !== undefined && !isConditional ? fallback : built;
    }
    const value = this.source(entry, input);
    const isCopy = entry.copySource === 'yes' || entry.copySource === true;
    if (type === 'object' && !isCopy && entry.mappings !== undefined && entry.mappings.length > 0) {
      const isGuarded = isConditional && entry.extract !== undefined;
      if (isGuarded && (isBlank(value) || (Array.isArray(value) && value.length === 0))) return undefined;
      return this.object(entry.mappings, input) ?? (isConditional ? undefined : fallback);
    }
    if (isBlank(value)) return isConditional ? undefined : fallback;
    return naiveConvert(entry, type, value, this.lookups);
  }

  private source(entry: MappingField2, input: Composite): JsonValue | undefined {
    return entry.hardCodedValue === undefined
      ? this.extract(entry.extract, input)
      : (entry.hardCodedValue as JsonValue);
  }

  private extract(extract: string | undefined, input: Composite): JsonValue | undefined {
    if (extract === undefined || extract === '') return undefined;
    if (extract.includes('{{')) {
      const record = naiveRead(this.recordAt, input) ?? null;
      return naiveTemplate(extract, { root: record, replaced: [] });
    }
    return extract.startsWith('$') ? naiveRead(naiveNames(extract), input) : extract;
  }

  private array(entry: MappingField2, type: string, input: Composite): JsonValue[] | null | undefined {
    const helpers: readonly MappingArrayHelper[] =
      entry.buildArrayHelper !== undefined && entry.buildArrayHelper.length > 0
        ? entry.buildArrayHelper
        : [{ extract: entry.extract, mappings: entry.mappings, copySource: entry.copySource }];
    if (helpers.some(({ extract }) => extract !== undefined && /,\$|^\$\[0\]$/.test(extract))) return null;
    let result: JsonValue[] | undefined;
    for (const helper of helpers) {
      const part = this.part(helper, entry, type, input);
      const isConditional = helper.conditional?.when === 'extract_not_empty';
      if (part !== undefined && part.length > 0) result = [...(result ?? []), ...part];
      else if (isConditional) continue;
      else if (helper.default !== undefined) {
        const elements = naiveDefault(helper.default as JsonValue, type);
        result = [...(result ?? []), ...(isBlank(elements) ? [] : (elements as JsonValue[]))];
      } else if (part !== undefined) result ??= [];
    }
    return result;
  }

  /** Elements of one helper; undefined when there is not even an empty array to make them from. */
  private part(
    helper: MappingArrayHelper,
    entry: MappingField2,
    type: string,
    input: Composite,
  ): JsonValue[] | undefined {
    const { extract, mappings } = helper;
    if (mappings === undefined || helper.copySource === 'yes' || helper.copySource === true) {
      const value = this.extract(extract, input);
      if (isBlank(value)) return undefined;
      const elements = Array.isArray(value) ? (value as JsonValue[]) : [value];
      return elements.map((element) => this.element(element, entry, type));
    }
    const isOne = extract === undefined || extract === '$';
    const names = naiveNames(extract ?? '$');
    const composites = isOne ? [input] : naiveComposites(names, input);
    const built = composites.flatMap((composite) => this.elements(mappings, type, composite));
    if (built.length > 0) return built;
    return !isOne && Array.isArray(firstArray(names, input)) ? [] : undefined;
  }

  private elements(mappings: Mapping2, type: string, input: Composite): JsonValue[] {
    if (type === 'objectarray') {
      const object = this.object(mappings, input);
      return object === undefined ? [] : [object];
    }
    const inner = mappings.filter((entry) => entry.status !== 'Draft').map((entry) => this.field(entry, input));
    return inner.filter((value) => value !== undefined);
  }

  private element(element: JsonValue, entry: MappingField2, type: string): JsonValue {
    if (element === null) return null;
    const scalar = type === 'objectarray' || type === 'arrayarray' ? {} : entry;
    return naiveConvert(scalar, naiveElementType(type), element, this.lookups);
  }
}

/** What stands at the first star of a path that is not an element already, or at its end. */
function firstArray(names: readonly string[], input: Composite): JsonValue | undefined {
  const place: string[] = [];
  for (const name of names) {
    if (name !== '*') place.push(name);
    else if (!input.replaced.includes(place.join('/'))) break;
  }
  return naiveRead(place, input);
}
