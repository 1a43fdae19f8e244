import type { CodeWriter } from '../code/code-writer.js';
import { compilePattern, PatternError, patternOf, type Pattern } from '../regex/index.js';
import { holds, isEmpty, isEqual, isOrdered, toBoolean, toEpochTime, toNumber, toText } from './values.js';

/** Generates the code of filter operators. Reference: runtime §10. */

/** Rules that cannot be compiled; the message is for the person who wrote them. */
export class FilterCompileError extends Error {
  override readonly name = 'FilterCompileError';
}

/** An expression of generated code. */
export interface Expression {
  readonly text: string;
  /** Gives true or false and nothing else. */
  readonly isBoolean: boolean;
}

export interface FilterCode {
  readonly writer: CodeWriter;
  /** Emits an operand. */
  readonly emit: (node: unknown) => Expression;
  /** Emits the operand of a cast, which alone takes a value out of the context. */
  readonly emitCast: (node: unknown) => Expression;
}

const value = (text: string): Expression => ({ text, isBoolean: false });
const test = (text: string): Expression => ({ text: `(${text})`, isBoolean: true });

/** Whether an expression gave a strict true, which alone passes. */
export function strictly(expression: Expression): string {
  return expression.isBoolean ? expression.text : `(${expression.text}) === true`;
}

type Compare = (left: unknown, right: unknown) => boolean;

const relations: Readonly<Record<string, string>> = {
  greaterthan: '>',
  greaterthanequals: '>=',
  lessthan: '<',
  lessthanequals: '<=',
};

/** A missing operand makes every comparison false, `notequals` included. */
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

const emptiness: Readonly<Record<string, (value: unknown) => boolean>> = {
  empty: isEmpty,
  isempty: isEmpty,
  notempty: (operand) => !isEmpty(operand),
  isnotempty: (operand) => !isEmpty(operand),
};

const casts: Readonly<Record<string, (value: unknown) => unknown>> = {
  string: toText,
  number: toNumber,
  boolean: toBoolean,
  epochtime: toEpochTime,
};

const functions: Readonly<Record<string, (value: unknown) => unknown>> = {
  lowercase: (operand) => (typeof operand === 'string' ? operand.toLowerCase() : undefined),
  uppercase: (operand) => (typeof operand === 'string' ? operand.toUpperCase() : undefined),
  ceiling: (operand) => (typeof operand === 'number' ? Math.ceil(operand) : undefined),
  floor: (operand) => (typeof operand === 'number' ? Math.floor(operand) : undefined),
  abs: (operand) => (typeof operand === 'number' ? Math.abs(operand) : undefined),
};

const find = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

/** @throws FilterCompileError for an unknown operator or a wrong number of operands */
export function emitOperator(code: FilterCode, operator: string, operands: readonly unknown[]): Expression {
  switch (operator) {
    case 'and':
    case 'or':
      return emitLogic(code, operator, operands);
    case 'not':
      return test(`!(${strictly(code.emit(takeOne(operator, operands)))})`);
    case 'matches':
      return emitMatches(code, ...takeTwo(operator, operands));
    case 'anyof':
      return emitAnyOf(code, ...takeTwo(operator, operands));
  }
  const compare = find(comparisons, operator);
  if (compare !== undefined) return emitComparison(code, operator, compare, ...takeTwo(operator, operands));
  const isFilled = find(emptiness, operator);
  if (isFilled !== undefined) {
    const operand = takeOne(operator, operands);
    if (isContext(operand)) return test('false');
    return test(`${code.writer.constant(isFilled)}(${code.emit(operand).text})`);
  }
  const cast = find(casts, operator);
  if (cast !== undefined)
    return value(`${code.writer.constant(cast)}(${code.emitCast(takeOne(operator, operands)).text})`);
  const apply = find(functions, operator);
  if (apply === undefined)
    throw new FilterCompileError(`The filter operator ${JSON.stringify(operator)} is not known.`);
  return value(`${code.writer.constant(apply)}(${code.emit(takeOne(operator, operands)).text})`);
}

/** A context that no cast takes a value out of is nothing, not even empty. */
function isContext(node: unknown): boolean {
  return Array.isArray(node) && node[0] === 'context';
}

function takeOne(operator: string, operands: readonly unknown[]): unknown {
  if (operands.length !== 1) throw new FilterCompileError(`The operator ${operator} takes one operand.`);
  return operands[0];
}

function takeTwo(operator: string, operands: readonly unknown[]): readonly [unknown, unknown] {
  if (operands.length !== 2) throw new FilterCompileError(`The operator ${operator} takes two operands.`);
  return [operands[0], operands[1]];
}

function emitLogic(code: FilterCode, operator: 'and' | 'or', terms: readonly unknown[]): Expression {
  if (terms.length === 0) throw new FilterCompileError(`The operator ${operator} takes at least one operand.`);
  return test(terms.map((term) => strictly(code.emit(term))).join(operator === 'and' ? ' && ' : ' || '));
}

/** Comparisons with a constant, nearly all of them, are operators of JavaScript; others call functions. */
function emitComparison(
  code: FilterCode,
  operator: string,
  compare: Compare,
  left: unknown,
  right: unknown,
): Expression {
  const { text } = code.emit(left);
  const type = typeof right;
  if (operator === 'equals' && !Array.isArray(right)) return test(`${text} === ${code.emit(right).text}`);
  const held = code.writer.declare('undefined');
  if (operator === 'notequals' && !Array.isArray(right))
    return test(`(${held} = ${text}) !== undefined && ${held} !== ${code.emit(right).text}`);
  const relation = relations[operator];
  if (relation !== undefined && (type === 'number' || type === 'string'))
    return test(`typeof (${held} = ${text}) === "${type}" && ${held} ${relation} ${code.emit(right).text}`);
  return test(`${code.writer.constant(compare)}(${text}, ${code.emit(right).text})`);
}

/** A pattern that comes from a record, malformed or too costly, fails that record: its PatternError is thrown on. */
function emitMatches(code: FilterCode, text: unknown, pattern: unknown): Expression {
  const held = code.writer.declare('undefined');
  const isText = `typeof (${held} = ${code.emit(text).text}) === "string"`;
  if (typeof pattern === 'string')
    return test(`${isText} && ${code.writer.constant(compileConstant(pattern))}.test(${held})`);
  const source = code.writer.declare('undefined');
  const isPattern = `typeof (${source} = ${code.emit(pattern).text}) === "string"`;
  return test(`${isText} && ${isPattern} && ${code.writer.constant(patternOf)}(${source}).test(${held})`);
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

function emitAnyOf(code: FilterCode, wanted: unknown, list: unknown): Expression {
  const { text } = code.emit(wanted);
  if (!Array.isArray(list) || (list.length === 2 && accessors.has(list[0])))
    return test(`${code.writer.constant(isAnyOf)}(${text}, ${code.emit(list).text})`);
  const elements = list as readonly unknown[];
  if (elements.every((element) => typeof element !== 'object' || element === null))
    return test(`${code.writer.constant(new Set(elements))}.has(${text})`);
  const emitted = elements.map((element) => code.emit(element).text);
  return test(`${code.writer.constant(isAnyOf)}(${text}, [${emitted.join(', ')}])`);
}

function isAnyOf(wanted: unknown, members: unknown): boolean {
  return Array.isArray(members) ? members.some((member) => isEqual(wanted, member)) : isEqual(wanted, members);
}
