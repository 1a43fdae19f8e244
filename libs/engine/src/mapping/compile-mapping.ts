import type { Failure } from '#failures';
import type { JsonValue, Mapping1, Mapping2 } from '#model';
import type { Mapped, RunContext } from '../run-context.js';
import { engineCodes } from '../codes.js';
import { generateMap } from './generate-code.js';
import { planMapper1 } from './mapper1.js';
import { planMapper2 } from './mapper2.js';
import {
  MappingCompileError,
  MappingFailure,
  type LookupAnswers,
  type MappingOptions,
  type ObjectPlan,
} from './plan.js';

/**
 * Maps one record. Never throws: what cannot be mapped is the record's failure.
 *
 * @param answers of dynamic lookups, for mappings compiled with `dynamicLookups`
 */
export type RecordMap = (record: JsonValue, run: RunContext, answers?: LookupAnswers) => Mapped;

export interface MappingError {
  readonly code: 'invalid_value' | 'not_supported';
  readonly message: string;
}

export type CompiledMapping = { readonly map: RecordMap } | { readonly error: MappingError };

/** Compiles Mapper 2.0. Reference: runtime §13. */
export function compileMapper2(mappings: Mapping2, options: MappingOptions): CompiledMapping {
  return compilePlan(() => planMapper2(mappings, options), options);
}

/** Compiles Mapper 1.0. Reference: runtime §12. */
export function compileMapper1(mapping: Mapping1, options: MappingOptions): CompiledMapping {
  return compilePlan(() => planMapper1(mapping, options), options);
}

function compilePlan(plan: () => ObjectPlan, options: MappingOptions): CompiledMapping {
  try {
    const generated = generateMap(plan(), options);
    return {
      map: (record, run, answers) => {
        try {
          return { value: generated(record, run, answers) };
        } catch (error) {
          return { failure: toFailure(error, options) };
        }
      },
    };
  } catch (error) {
    if (error instanceof MappingCompileError) return { error: { code: error.code, message: error.message } };
    // Text nested so deep that generating or parsing its code overflows the stack.
    if (error instanceof RangeError)
      return { error: { code: 'invalid_value', message: `The mapping is too complex: ${error.message}` } };
    throw error;
  }
}

function toFailure(error: unknown, options: MappingOptions): Failure {
  if (error instanceof MappingFailure) return { source: options.source, ...error.failure };
  // RangeError and the like, from values nested deeper than the stack or dates out of range: the record's failure too.
  const message = error instanceof Error ? error.message : String(error);
  return { code: engineCodes.mapping_failed.code, message, source: options.source };
}
