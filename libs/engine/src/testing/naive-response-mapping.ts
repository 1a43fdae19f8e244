import type { JsonRecord, JsonValue, ResponseMapping } from '#model';
import { naiveNames, naiveRead, naiveSet, isObject } from './naive-paths.js';

/** Response mappings, interpreted the slow and obvious way from their reference (runtime §15). */
export function naiveResponseMapping(mapping: ResponseMapping, record: JsonValue, response: JsonRecord): JsonValue {
  if (!isObject(record)) return record;
  const read = (names: readonly string[], root: JsonValue) => naiveRead(names, { root, replaced: [] });
  let merged: JsonValue = record;
  const merge = (generate: string, value: JsonValue | undefined) => {
    if (value !== undefined) merged = naiveSet(naiveNames(generate), merged, value);
  };
  for (const { extract, generate } of mapping.fields ?? []) {
    if (!extract || !generate) continue;
    const names = naiveNames(extract);
    // Neither `$` nor stars are honoured in fields.
    if (extract !== '$' && !names.includes('*')) merge(generate, read(names, response));
  }
  for (const { generate, fields } of mapping.lists ?? []) {
    const columns = (fields ?? []).filter((field) => field.extract && field.generate);
    if (!generate || columns.length === 0) continue;
    merge(generate, naiveList(columns as { extract: string; generate: string }[], response));
  }
  return merged;
}

function naiveList(columns: readonly { extract: string; generate: string }[], response: JsonRecord): JsonValue {
  const sources = columns.map(({ extract }) => {
    // A bare `$` adds nothing: it is read as the name of a member that no answer has.
    const names = extract === '$' ? ['$'] : naiveNames(extract);
    const star = names.lastIndexOf('*');
    if (star < 0) return { rest: names, elements: undefined };
    // Observed: of a response whose root is an array only the first element is kept.
    const isRootList = names[0] === '_json' && names[1] === '*' && Array.isArray(response['_json']);
    const root = isRootList ? { ...response, _json: (response['_json'] as JsonValue[]).slice(0, 1) } : response;
    const elements = naiveRead(names.slice(0, star + 1), { root, replaced: [] }) as JsonValue[];
    return { rest: names.slice(star + 1), elements };
  });
  const lengths = sources.flatMap(({ elements }) => (elements === undefined ? [] : [elements.length]));
  const length = lengths.length === 0 ? 1 : Math.max(...lengths);
  return Array.from({ length }, (_, index) => {
    let element: JsonValue = {};
    columns.forEach(({ generate }, at) => {
      const { rest, elements } = sources[at]!;
      const root = elements === undefined ? response : elements[index];
      const value = root === undefined ? undefined : naiveRead(rest, { root, replaced: [] });
      if (value !== undefined) element = naiveSet(naiveNames(generate), element, value);
    });
    return element;
  });
}
