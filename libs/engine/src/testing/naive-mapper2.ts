import type { JsonRecord, JsonValue, Mapping2, MappingArrayHelper, MappingField2 } from '#model';

/**
 * Mapper 2.0 for plain paths, interpreted the slow and obvious way from its reference (runtime §13): composite objects are
 * really built. What the generated code must agree with. Failures are thrown.
 */
export function naiveMapper2(mappings: Mapping2, root: JsonValue): JsonValue {
  return object(mappings, root) ?? {};
}

const isObject = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isMissing = (value: unknown) => value === undefined || value === null || value === '';

function object(mappings: Mapping2, root: JsonValue): JsonRecord | undefined {
  const result: Record<string, JsonValue> = {};
  for (const entry of mappings) {
    if (entry.status === 'Draft') continue;
    const value = field(entry, root);
    if (value !== undefined) result[entry.generate ?? ''] = value;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

function field(entry: MappingField2, root: JsonValue): JsonValue | undefined {
  const fallback = entry.default as JsonValue | undefined;
  const isConditional = entry.conditional?.when === 'extract_not_empty';
  if (entry.dataType?.endsWith('array')) {
    const built = array(entry, root);
    const isEmpty = built === undefined || built.length === 0;
    return isEmpty && fallback !== undefined && !isConditional ? fallback : built;
  }
  if (entry.dataType === 'object' && entry.mappings !== undefined) return object(entry.mappings, root) ?? fallback;
  const value = entry.extract === undefined ? undefined : read(entry.extract, root);
  if (isMissing(value)) return isConditional ? undefined : fallback;
  return cast(entry.dataType ?? 'string', value);
}

function cast(type: string, value: JsonValue): JsonValue {
  switch (type) {
    case 'number': {
      const number =
        typeof value === 'number'
          ? value
          : typeof value === 'string' && value.trim() !== ''
            ? Number(value)
            : Number.NaN;
      if (!Number.isFinite(number)) throw new Error('no number');
      return number;
    }
    case 'boolean':
      return typeof value === 'string' ? !['false', '0', ''].includes(value.trim().toLowerCase()) : Boolean(value);
    case 'object': {
      if (!isObject(value)) throw new Error('no object');
      return value;
    }
    default:
      return typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
}

function array(entry: MappingField2, root: JsonValue): JsonValue[] | undefined {
  const helpers: readonly MappingArrayHelper[] = entry.buildArrayHelper ?? [
    { extract: entry.extract, mappings: entry.mappings },
  ];
  const element = entry.dataType?.replace('array', '') ?? '';
  let result: JsonValue[] | undefined;
  for (const helper of helpers) {
    if (helper.mappings !== undefined && (helper.extract === undefined || helper.extract === '$')) {
      const built = object(helper.mappings, root);
      if (built !== undefined) (result ??= []).push(built);
    } else if (helper.mappings !== undefined) {
      const composites = iterate(root, names(helper.extract ?? ''));
      // An empty array is an array all the same; nothing, or a scalar that leads nowhere, leaves the field out.
      if (Array.isArray(read((helper.extract ?? '').replace(/\[\*\].*/, ''), root))) result ??= [];
      for (const composite of composites ?? []) {
        const built = object(helper.mappings, composite);
        if (built !== undefined) (result ??= []).push(built);
      }
    } else if (helper.extract !== undefined) {
      const value = read(helper.extract, root);
      if (isMissing(value)) continue;
      const values = Array.isArray(value) ? (value as JsonValue[]) : [value as JsonValue];
      result = [...(result ?? []), ...values.map((v) => (v === null || element === 'object' ? v : cast(element, v)))];
    }
  }
  return result;
}

/** `$.a[*].b` → a, *, b */
function names(path: string): string[] {
  return path
    .slice(1)
    .replaceAll('[*]', '.*')
    .split('.')
    .filter((name) => name !== '');
}

function read(path: string, root: JsonValue): JsonValue | undefined {
  if (!path.startsWith('$')) return path;
  let values: (JsonValue | undefined)[] = [root];
  let isList = false;
  for (const name of names(path)) {
    if (name === '*') {
      isList = true;
      values = values.flatMap((value) => (Array.isArray(value) ? (value as JsonValue[]) : []));
    } else {
      values = values.map((value) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, name)
          ? (value as JsonRecord)[name]
          : undefined,
      );
    }
  }
  return isList ? values.filter((value) => value !== undefined) : values[0];
}

/** One composite per element: the root with every array on the path replaced by the element. Undefined: nothing there. */
function iterate(root: JsonValue, path: readonly string[]): JsonValue[] | undefined {
  const [name, ...rest] = path;
  if (name === undefined) {
    if (isMissing(root)) return undefined;
    return Array.isArray(root) ? (root as JsonValue[]) : [root];
  }
  if (name === '*') {
    if (isMissing(root)) return undefined;
    const elements = Array.isArray(root) ? (root as JsonValue[]) : [root];
    return rest.length === 0 ? elements : elements.flatMap((element) => iterate(element, rest) ?? []);
  }
  if (!isObject(root) || !Object.hasOwn(root, name)) return undefined;
  return iterate(root[name] as JsonValue, rest)?.map((inner) => ({ ...root, [name]: inner }));
}
