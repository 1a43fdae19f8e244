import { isRecord, type JsonValue, type TransformExpression } from '#model';
import {
  compileMapper1,
  compileMapper2,
  type CompiledMapping,
  type MappingError,
  type RecordMap,
} from '../mapping/index.js';
import { engineCodes } from '../codes.js';
import { setOwn } from '../paths/index.js';
import type { TemplateScope } from '../expressions/template-scope.js';
import { toMapping1 } from './transform1.js';

export type CompiledTransform =
  | { readonly map: RecordMap }
  | { readonly error: MappingError }
  /** A user's function makes the record. */
  | { readonly script: TransformExpression['script'] }
  /** Nothing to transform: records pass as they are. */
  | { readonly identity: true };

/**
 * Compiles the transform of an export, a lookup or an answer. Reference: runtime §11.
 *
 * 1.0 builds a new record of the generated fields; 2.0 `create` the same, `modify` lays its fields over the record (arrays
 * pass unchanged).
 */
export function compileTransform(transform: TransformExpression | undefined, scope: TemplateScope): CompiledTransform {
  if (transform === undefined) return { identity: true };
  if (transform.type === 'script' || (transform.type === undefined && transform.script !== undefined)) {
    return { script: transform.script };
  }
  const { expression } = transform;
  const options = { lookups: [], source: 'transformation', input: 'record', scope } as const;
  const two = expression?.rulesTwoDotZero;
  if (expression?.version === '2' || (two !== undefined && expression?.version === undefined)) {
    if (two?.mappings === undefined || two.mappings.length === 0) return { identity: true };
    const compiled = compileMapper2(two.mappings, {
      ...options,
      lookups: two.lookups ?? [],
      input: two.inputContext ?? 'record',
    });
    return two.mode === 'modify' ? overlaid(compiled) : compiled;
  }
  const rules = expression?.rules ?? transform.rules ?? [];
  return rules.flat().length === 0 ? { identity: true } : compileMapper1(toMapping1(rules), options);
}

function overlaid(compiled: CompiledMapping): CompiledMapping {
  if ('error' in compiled) return compiled;
  return {
    map: (record, run, answers) => {
      if (!isRecord(record)) return { value: record };
      const mapped = compiled.map(record, run, answers);
      if ('failure' in mapped) return mapped;
      try {
        return { value: overlay(record, mapped.value) };
      } catch (error) {
        // RangeError, from values nested deeper than the stack.
        const { message } = error as Error;
        return { failure: { code: engineCodes.mapping_failed.code, message, source: 'transformation' } };
      }
    },
  };
}

/** Objects are laid over member by member; everything else replaces what is there. */
function overlay(below: unknown, above: JsonValue): JsonValue {
  if (!isRecord(below) || !isRecord(above)) return above;
  const merged: Record<string, unknown> = { ...below };
  for (const [name, value] of Object.entries(above)) {
    setOwn(merged, name, Object.hasOwn(below, name) ? overlay(below[name], value as JsonValue) : value);
  }
  return merged as JsonValue;
}
