import type { JsonValue } from '#model';
import { CodeWriter } from '../code/code-writer.js';
import { compilePath, compileSetter } from '../paths/index.js';
import type { RunContext } from '../run-context.js';
import { convertDate, isEmptySource, scalarCasts, toIndexed, toObject, type Cast } from './casts.js';
import { emitArray } from './generate-array.js';
import { isFound, lookUp } from './lookups.js';
import type { Assignment, FieldPlan, LookupAnswers, MappingOptions, ObjectPlan } from './plan.js';
import { rootScope, type Scope } from './scope.js';
import { constantExpression, sourceExpression } from './source-code.js';

/** Maps one record; throws {@link MappingFailure}. */
export type GeneratedMap = (record: JsonValue, run: RunContext, answers?: LookupAnswers) => JsonValue;

/**
 * Generates one JavaScript function for a mapping. Text of users reaches the code through JSON literals and constants
 * passed as arguments only; every name in it is the generator's own.
 *
 * Written this way because a mapping is run for every record: closures per field cost four times as much, and a target
 * built in one literal keeps its hidden class.
 */
export function generateMap(plan: ObjectPlan, options: MappingOptions): GeneratedMap {
  const code = new CodeWriter();
  const root = rootScope(code, plan, options);
  const only = plan.kind === 'fields' && plan.fields.length === 1 ? plan.fields[0] : undefined;
  const bare = only?.generate === undefined ? only : undefined;
  const result = bare === undefined ? emitObject(code, plan, root) : emitField(code, bare, root);
  code.line(`return ${result} === undefined ? ${bare === undefined ? '{}' : 'null'} : ${result};`);
  return code.build(['record', 'run', 'answers']) as GeneratedMap;
}

const emptyTest = (variable: string) => `${variable} === undefined || ${variable} === null || ${variable} === ""`;

/** Emits the computation of a field; the variable is undefined when the field is left out. */
function emitField(code: CodeWriter, field: FieldPlan, scope: Scope): string {
  const condition = field.onlyIfLookup;
  if (condition === undefined) return emitUnconditional(code, field, scope);
  const result = code.declare('undefined');
  const source = sourceExpression(code, field.source, scope);
  const finds = `${code.constant(isFound)}(${source}, ${code.constant(condition.lookup)}, answers)`;
  code.line(`if (${condition.finds ? '' : '!'}${finds}) {`);
  code.line(`${result} = ${emitUnconditional(code, field, scope)};`);
  code.line('}');
  return result;
}

function emitUnconditional(code: CodeWriter, field: FieldPlan, scope: Scope): string {
  const value = emitTyped(code, field, scope);
  if (field.discardEmpty) code.line(`if (${code.constant(isEmptySource)}(${value})) ${value} = undefined;`);
  return value;
}

function emitTyped(code: CodeWriter, field: FieldPlan, scope: Scope): string {
  switch (field.type) {
    case 'object':
      return field.members === undefined ? emitValue(code, field, scope, toObject) : emitMembers(code, field, scope);
    case 'indexed':
      return code.declare(`${code.constant(toIndexed)}(${emitMembers(code, field, scope)})`);
    case 'stringarray':
    case 'numberarray':
    case 'booleanarray':
    case 'objectarray':
    case 'arrayarray':
      return emitArray(code, field, field.type, scope, { field: emitField, object: emitObject });
    default:
      return emitValue(code, field, scope, scalarCasts[field.type]);
  }
}

const noMembers: ObjectPlan = { kind: 'fields', fields: [] };

function emitMembers(code: CodeWriter, field: FieldPlan, scope: Scope): string {
  const result = code.declare('undefined');
  const isGuarded = field.onlyIfPresent && field.source !== undefined;
  if (isGuarded) {
    const source = code.declare(sourceExpression(code, field.source, scope));
    code.line(`if (!${code.constant(isEmptySource)}(${source})) {`);
  }
  code.line(`${result} = ${emitObject(code, field.members ?? noMembers, scope)};`);
  if (isGuarded) code.line('}');
  if (field.fallback !== undefined && !field.onlyIfPresent)
    code.line(`if (${result} === undefined) ${result} = ${constantExpression(code, field.fallback)};`);
  return result;
}

function emitValue(code: CodeWriter, field: FieldPlan, scope: Scope, cast: Cast): string {
  const value = code.declare(sourceExpression(code, field.source, scope));
  const label = JSON.stringify(field.label);
  const steps: string[] = [];
  if (field.lookup !== undefined)
    steps.push(`${value} = ${code.constant(lookUp)}(${value}, ${code.constant(field.lookup)}, ${label}, answers);`);
  if (field.date !== undefined) {
    const convert = `${value} = ${code.constant(convertDate)}(${value}, ${code.constant(field.date)}, ${label});`;
    steps.push(field.lookup === undefined ? convert : `if (${value} !== null) ${convert}`);
  }
  const castIt = castStatement(code, value, field, cast, label);
  if (castIt !== '') steps.push(field.lookup === undefined ? castIt : `if (${value} !== null) { ${castIt} }`);
  const missing = field.onlyIfPresent
    ? `${value} = undefined;`
    : field.fallback !== undefined
      ? `${value} = ${constantExpression(code, field.fallback)};`
      : field.keepEmpty
        ? ''
        : `${value} = undefined;`;
  // A dynamic lookup needs no extract: its request renders over the record.
  if (field.source === undefined && field.lookup?.isDynamic === true) code.line(steps.join(' '));
  else code.line(`if (${emptyTest(value)}) { ${missing} } else { ${steps.join(' ')} }`);
  return value;
}

/** Values that have the type already, nearly all of them, skip the call. */
function castStatement(code: CodeWriter, value: string, field: FieldPlan, cast: Cast, label: string): string {
  if (field.type === 'any') return '';
  const call = `${value} = ${code.constant(cast)}(${value}, ${label});`;
  const isTyped = field.type === 'string' || field.type === 'number' || field.type === 'boolean';
  return isTyped ? `if (typeof ${value} !== "${field.type}") ${call}` : call;
}

function emitObject(code: CodeWriter, plan: ObjectPlan, scope: Scope): string {
  return plan.kind === 'fields'
    ? emitLiteral(code, plan.fields, scope)
    : emitAssignments(code, plan.assignments, scope);
}

/**
 * Emits an object of fields. When every field has a value, which is the rule, it is built in one literal; otherwise
 * member by member.
 */
function emitLiteral(code: CodeWriter, fields: readonly FieldPlan[], scope: Scope): string {
  const values = fields.map((field) => [JSON.stringify(field.generate ?? ''), emitField(code, field, scope)] as const);
  const result = code.declare('undefined');
  if (values.length === 0) return result;
  const isComplete = values.map(([, value]) => `${value} !== undefined`).join(' && ');
  const literal = values.map(([name, value]) => `${name}: ${value}`).join(', ');
  code.line(`if (${isComplete}) ${result} = {${literal}};`);
  if (values.length === 1) return result;
  code.line('else {');
  for (const [name, value] of values) code.line(`if (${value} !== undefined) (${result} ??= {})[${name}] = ${value};`);
  code.line('}');
  return result;
}

/** Containers on the way to a target are copied: they may be values of the record. */
function emitAssignments(code: CodeWriter, assignments: readonly Assignment[], scope: Scope): string {
  const result = code.declare('undefined');
  for (const { target, field, ignoreIfSet } of assignments) {
    const isUnset = `${code.constant(isEmptySource)}(${code.constant(compilePath(target))}(${result}))`;
    code.line(ignoreIfSet ? `if (${isUnset}) {` : '{');
    const value = emitField(code, field, scope);
    const assign = code.constant(compileSetter(target, { shared: true }));
    code.line(`if (${value} !== undefined) ${assign}(${result} ??= {}, ${value});`);
    code.line('}');
  }
  return result;
}
