import { compilePattern, PatternError, patternOf, type Pattern } from '../regex/index.js';
import {
  ContextValue,
  holds,
  isEmpty,
  isEqual,
  isOrdered,
  toBoolean,
  toEpochTime,
  toNumber,
  toText,
} from './values.js';

/** A compiled rule: reads the record and the context, gives any value. */
export type Evaluate = (record: unknown, context: unknown) => unknown;

/** Rules that cannot be compiled; the message is for the person who wrote them. */
export class FilterCompileError extends Error {
  override readonly name = 'FilterCompileError';
}

export function asContext(value: unknown): unknown {
  return value === undefined ? undefined : new ContextValue(value);
}

type Compare = (left: unknown, right: unknown) => boolean;

/** A missing operand makes every comparison false, `notequals` included (runtime §10). */
const comparisons: Readonly<Record<string, Compare>> = {
  equals: isEqual,
  notequals: (left, right) => left !== undefined && right !== undefined && !isEqual(left, right),
  greaterthan: (left, right) => isOrdered(left, right) && (left as number) > (right as number),
  greaterthanequals: (left, right) => isOrdered(left, right) && (left as number) >= (right as number),
  lessthan: (left, right) => isOrdered(left, right) && (left as number) < (right as number),
  lessthanequals: (left, right) => isOrdered(left, right) && (left as number) <= (right as number),
  startswith: (left, right) => typeof left === 'string' && typeof right === 'string' && left.startsWith(right),
  endswith: (left, right) => typeof left === 'string' && typeof right === 'string' && left.endsWith(right),
  contains: holds,
  doesnotcontain: (left, right) => left !== undefined && right !== undefined && !holds(left, right),
};

const unary: Readonly<Record<string, (value: unknown) => unknown>> = {
  empty: isEmpty,
  isempty: isEmpty,
  notempty: (value) => !isEmpty(value),
  isnotempty: (value) => !isEmpty(value),
  not: (value) => value !== true,
  string: toText,
  number: toNumber,
  boolean: toBoolean,
  epochtime: toEpochTime,
  lowercase: (value) => (typeof value === 'string' ? value.toLowerCase() : undefined),
  uppercase: (value) => (typeof value === 'string' ? value.toUpperCase() : undefined),
  ceiling: (value) => (typeof value === 'number' ? Math.ceil(value) : undefined),
  floor: (value) => (typeof value === 'number' ? Math.floor(value) : undefined),
  abs: (value) => (typeof value === 'number' ? Math.abs(value) : undefined),
};

/** @throws FilterCompileError for an unknown operator or a wrong number of operands */
export function compileOperator(
  operator: string,
  operands: readonly unknown[],
  compile: (node: unknown) => Evaluate,
): Evaluate {
  if (operator === 'and' || operator === 'or') return compileLogic(operator, operands.map(compile));
  if (operator === 'matches') return compileMatches(operands, compile);
  if (operator === 'anyof') return compileAnyOf(operands, compile);
  const compare = Object.hasOwn(comparisons, operator) ? comparisons[operator] : undefined;
  if (compare !== undefined) {
    const [left, right] = takeTwo(operator, operands);
    const isConstant = !Array.isArray(right);
    const readLeft = compile(left);
    const readRight = compile(right);
    if (operator === 'equals' && isConstant && (typeof right !== 'object' || right === null) && right !== undefined) {
      return (record, context) => readLeft(record, context) === right;
    }
    return (record, context) => compare(readLeft(record, context), readRight(record, context));
  }
  const apply = Object.hasOwn(unary, operator) ? unary[operator] : undefined;
  if (apply === undefined)
    throw new FilterCompileError(`The filter operator ${JSON.stringify(operator)} is not known.`);
  if (operands.length !== 1) throw new FilterCompileError(`The operator ${operator} takes one operand.`);
  const read = compile(operands[0]);
  return (record, context) => apply(read(record, context));
}

function takeTwo(operator: string, operands: readonly unknown[]): readonly [unknown, unknown] {
  if (operands.length !== 2) throw new FilterCompileError(`The operator ${operator} takes two operands.`);
  return [operands[0], operands[1]];
}

function compileLogic(operator: 'and' | 'or', terms: readonly Evaluate[]): Evaluate {
  if (terms.length === 0) throw new FilterCompileError(`The operator ${operator} takes at least one operand.`);
  const decisive = operator === 'or';
  return (record, context) => {
    for (const term of terms) if ((term(record, context) === true) === decisive) return decisive;
    return !decisive;
  };
}

/** A pattern that comes from a record, malformed or too costly, fails that record: PatternError is thrown on. */
function compileMatches(operands: readonly unknown[], compile: (node: unknown) => Evaluate): Evaluate {
  const [text, source] = takeTwo('matches', operands);
  const readText = compile(text);
  if (typeof source === 'string') {
    const pattern = compileConstant(source);
    return (record, context) => {
      const value = readText(record, context);
      return typeof value === 'string' && pattern.test(value);
    };
  }
  const readSource = compile(source);
  return (record, context) => {
    const value = readText(record, context);
    const pattern = readSource(record, context);
    return typeof value === 'string' && typeof pattern === 'string' && patternOf(pattern).test(value);
  };
}

function compileConstant(source: string): Pattern {
  try {
    return compilePattern(source);
  } catch (error) {
    if (error instanceof PatternError) throw new FilterCompileError(error.message);
    throw error;
  }
}

/** Operators whose node is an expression even where a list of literals is expected. */
const accessors: ReadonlySet<unknown> = new Set(['extract', 'settings', 'context']);

function compileAnyOf(operands: readonly unknown[], compile: (node: unknown) => Evaluate): Evaluate {
  const [value, list] = takeTwo('anyof', operands);
  const readValue = compile(value);
  if (Array.isArray(list) && !(list.length === 2 && accessors.has(list[0]))) {
    if (list.every((element) => typeof element !== 'object' || element === null)) {
      const members = new Set<unknown>(list);
      members.delete(undefined);
      return (record, context) => members.has(readValue(record, context));
    }
    const readElements = list.map(compile);
    return (record, context) => {
      const wanted = readValue(record, context);
      return readElements.some((read) => isEqual(wanted, read(record, context)));
    };
  }
  const readList = compile(list);
  return (record, context) => {
    const members = readList(record, context);
    const wanted = readValue(record, context);
    return Array.isArray(members) ? members.some((member) => isEqual(wanted, member)) : isEqual(wanted, members);
  };
}
