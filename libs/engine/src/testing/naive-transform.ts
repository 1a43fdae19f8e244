import type { JsonValue, Mapping1, TransformExpression } from '#model';
import { naiveMapper1 } from './naive-mapper1.js';
import { naiveMapper2 } from './naive-mapper2.js';
import { isObject } from './naive-paths.js';

/** Transforms, interpreted the slow and obvious way from their reference (runtime §11). Failures are thrown. */
export function naiveTransform(transform: TransformExpression, record: JsonValue, envelope: JsonValue): JsonValue {
  const two = transform.expression?.rulesTwoDotZero;
  if (two === undefined) return naiveTransform1(transform.expression?.rules?.flat() ?? [], record);
  if (two.mappings === undefined || two.mappings.length === 0) return record;
  if (two.mode === 'modify' && !isObject(record)) return record;
  const isEnvelope = two.inputContext === 'envelope';
  const mapped = naiveMapper2(
    two.mappings,
    isEnvelope ? envelope : record,
    two.lookups ?? [],
    isEnvelope ? ['record'] : [],
  );
  return two.mode === 'modify' ? overlay(record, mapped) : mapped;
}

/** Rules without a star are fields; those with the same list before their last star are its columns. */
function naiveTransform1(rules: readonly { extract?: string; generate?: string }[], record: JsonValue): JsonValue {
  if (rules.length === 0) return record;
  const mapping: Required<Mapping1> = { fields: [], lists: [] };
  for (const { extract = '', generate = '' } of rules) {
    if (generate === '') continue;
    const path = extract.startsWith('/') ? extract.slice(1).replaceAll('/', '.') : extract;
    const [, list, column] = /^(.*)\[\*\]\.?(.*)$/.exec(generate) ?? [];
    if (list === undefined) {
      mapping.fields.push({ extract: path, generate });
      continue;
    }
    let columns = mapping.lists.find((one) => one.generate === list);
    if (columns === undefined) mapping.lists.push((columns = { generate: list, fields: [] }));
    columns.fields?.push({ extract: path, generate: column ?? '' });
  }
  return naiveMapper1(mapping, record);
}

function overlay(below: JsonValue | undefined, above: JsonValue): JsonValue {
  if (!isObject(below) || !isObject(above)) return above;
  const names = new Set([...Object.keys(below), ...Object.keys(above)]);
  return Object.fromEntries(
    Array.from(names, (name) => {
      const hasBelow = Object.hasOwn(below, name);
      if (!Object.hasOwn(above, name)) return [name, below[name]];
      return [name, hasBelow ? overlay(below[name], above[name] as JsonValue) : above[name]];
    }),
  ) as JsonValue;
}
