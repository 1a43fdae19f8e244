import type { Failure, FailureSource } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { engineCodes } from '../codes.js';
import { CodeWriter } from '../code/code-writer.js';
import { memberExpression } from '../code/member-expression.js';
import { compileExtract, isPlain, own, parseJsonPath, parsePath } from '../paths/index.js';
import { emitOperator, FilterCompileError, strictly, type Expression } from './operators.js';

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

/** Operators and operands of one filter. */
const maxNodes = 20_000;

/**
 * Compiles filter rules to one generated function. Only a strict `true` passes. Reference: runtime §10.
 *
 * @param rules nested prefix array; absent or empty passes everything
 */
export function compileFilter(rules: unknown, options: FilterOptions): CompiledFilter {
  if (rules === undefined || rules === null || (Array.isArray(rules) && rules.length === 0)) {
    return { filter: () => true };
  }
  if (!Array.isArray(rules)) return invalid('Filter rules must be an array.');
  try {
    const passes = new FilterGenerator(options).generate(rules);
    return {
      filter: (record, context) => {
        try {
          return passes(record, context);
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

type Passes = (record: JsonValue, context: JsonValue | undefined) => boolean;

/** Text of users reaches the code as JSON literals of scalars, and in constants. */
class FilterGenerator {
  private readonly writer = new CodeWriter();
  private nodes = 0;

  constructor(private readonly options: FilterOptions) {}

  generate(rules: unknown): Passes {
    const expression = strictly(this.emit(rules, 0, false));
    this.writer.line(`return ${expression};`);
    return this.writer.build(['record', 'context']) as Passes;
  }

  private emit(node: unknown, depth: number, isCast: boolean): Expression {
    this.nodes += 1;
    if (depth > maxDepth) throw new FilterCompileError(`Filter rules may be nested ${maxDepth} deep at most.`);
    if (this.nodes > maxNodes) throw new FilterCompileError(`Filter rules may have ${maxNodes} parts at most.`);
    if (!Array.isArray(node)) return literal(node);
    const [operator, ...operands] = node as readonly unknown[];
    if (typeof operator !== 'string')
      throw new FilterCompileError('A filter rule must start with the name of an operator.');
    switch (operator) {
      case 'extract':
        return this.emitPath('record', takePath(operator, operands));
      case 'context': {
        const read = this.emitPath('context', takePath(operator, operands));
        // A bare context never matches: a cast alone takes its value out.
        return isCast ? read : literal(undefined);
      }
      case 'settings':
        return this.emitConstant(readSetting(this.options.settings, takePath(operator, operands)));
      default: {
        const { writer } = this;
        return emitOperator(
          {
            writer,
            emit: (operand) => this.emit(operand, depth + 1, false),
            emitCast: (operand) => this.emit(operand, depth + 1, true),
          },
          operator,
          operands,
        );
      }
    }
  }

  private emitPath(root: 'record' | 'context', path: string): Expression {
    const segments = path.startsWith('$') ? parseJsonPath(path) : parsePath(path);
    if (segments !== null && isPlain(segments))
      return { text: memberExpression(this.writer, root, segments), isBoolean: false };
    const get = compileExtract(path);
    if (get === null) throw new FilterCompileError(`The path ${JSON.stringify(path)} is malformed.`);
    return { text: `${this.writer.constant(get)}(${root})`, isBoolean: false };
  }

  private emitConstant(value: unknown): Expression {
    return typeof value === 'object' && value !== null
      ? { text: this.writer.constant(value), isBoolean: false }
      : literal(value);
  }
}

function literal(value: unknown): Expression {
  if (typeof value === 'object' && value !== null)
    throw new FilterCompileError('A filter operand must not be an object.');
  return { text: value === undefined ? 'undefined' : JSON.stringify(value), isBoolean: typeof value === 'boolean' };
}

function takePath(operator: string, operands: readonly unknown[]): string {
  const [path] = operands;
  if (typeof path !== 'string' || operands.length !== 1)
    throw new FilterCompileError(`The operator ${operator} takes one path.`);
  return path;
}

/** Keys of settings are literal: everything after the scope is one key. Reference: runtime §24. */
function readSetting(settings: Readonly<Record<string, JsonRecord>>, path: string): unknown {
  const dot = path.indexOf('.');
  if (dot < 0) return undefined;
  const scope = own(settings, path.slice(0, dot));
  return own(scope, path.slice(dot + 1));
}
