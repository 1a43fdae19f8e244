import type { Failure, FailureSource } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { engineCodes } from '../codes.js';
import { compileExtract, own } from '../paths/index.js';
import { asContext, compileOperator, FilterCompileError, type Evaluate } from './operators.js';

export interface FilterOptions {
  /** By scope, as the step sees them: `flow`, `export`, `import`, `integration`, `connection`, `flowGrouping`. */
  readonly settings: Readonly<Record<string, JsonRecord>>;
  /** Source of the failures of records. */
  readonly source: FailureSource;
}

/** Whether a record passes; a failure is the record's. `context` is what `["context", …]` reads. */
export type Filter = (record: JsonValue, context?: JsonValue) => boolean | Failure;

/** Rules that are no filter: wrong shape, unknown operator, malformed path or pattern. */
export interface FilterError {
  readonly code: 'invalid_value';
  readonly message: string;
}

export type CompiledFilter = { readonly filter: Filter } | { readonly error: FilterError };

/** Rules nested deeper are refused: compiling and running them is recursive. */
const maxDepth = 64;

/**
 * Compiles filter rules to closures. Only a strict `true` passes. Reference: runtime §10.
 *
 * @param rules nested prefix array; absent or empty passes everything
 */
export function compileFilter(rules: unknown, options: FilterOptions): CompiledFilter {
  if (rules === undefined || rules === null || (Array.isArray(rules) && rules.length === 0)) {
    return { filter: () => true };
  }
  if (!Array.isArray(rules)) return invalid('Filter rules must be an array.');
  try {
    const evaluate = compileNode(rules, options, 0);
    return {
      filter: (record, context) => {
        try {
          return evaluate(record, context) === true;
        } catch (error) {
          // PatternError, or RangeError from values nested deeper than the stack.
          return { code: engineCodes.filter_failed.code, message: (error as Error).message, source: options.source };
        }
      },
    };
  } catch (error) {
    if (error instanceof FilterCompileError) return invalid(error.message);
    throw error;
  }
}

function invalid(message: string): CompiledFilter {
  return { error: { code: 'invalid_value', message } };
}

function compileNode(node: unknown, options: FilterOptions, depth: number): Evaluate {
  if (depth > maxDepth) throw new FilterCompileError(`Filter rules may be nested ${maxDepth} deep at most.`);
  if (!Array.isArray(node)) {
    if (typeof node === 'object' && node !== null)
      throw new FilterCompileError('A filter operand must not be an object.');
    return () => node;
  }
  const [operator, ...operands] = node as readonly unknown[];
  if (typeof operator !== 'string')
    throw new FilterCompileError('A filter rule must start with the name of an operator.');
  switch (operator) {
    case 'extract':
      return compileAccess(operator, operands, (path) => compileExtract(path));
    case 'context': {
      const read = compileAccess(operator, operands, (path) => compileExtract(path));
      return (record, context) => asContext(read(context, context));
    }
    case 'settings':
      return compileAccess(operator, operands, (path) => {
        const value = readSetting(options.settings, path);
        return () => value;
      });
    default:
      return compileOperator(operator, operands, (operand) => compileNode(operand, options, depth + 1));
  }
}

function compileAccess(
  operator: string,
  operands: readonly unknown[],
  compile: (path: string) => ((value: unknown) => unknown) | null,
): Evaluate {
  const [path] = operands;
  if (typeof path !== 'string' || operands.length !== 1) {
    throw new FilterCompileError(`The operator ${operator} takes one path.`);
  }
  const get = compile(path);
  if (get === null) throw new FilterCompileError(`The path ${JSON.stringify(path)} is malformed.`);
  return get;
}

/** Keys of settings are literal: everything after the scope is one key. Reference: runtime §24. */
function readSetting(settings: Readonly<Record<string, JsonRecord>>, path: string): unknown {
  const dot = path.indexOf('.');
  if (dot < 0) return undefined;
  const scope = own(settings, path.slice(0, dot));
  return own(scope, path.slice(dot + 1));
}
